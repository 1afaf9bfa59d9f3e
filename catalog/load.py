"""Import a catalogue.  Run: python -m catalog.load SOURCE [--data DIR] [--mapping FILE]

SOURCE is a JSONL, CSV, TSV or Parquet file, or `librivox` or `goodbooks` (read from --data-folder). Items are put in by
id: importing the same file twice changes nothing. A bad row is reported with its line and left out. The new catalogue
takes the old one's place in one step, after every row has been read; vectors are made after that, and a run that is cut
off there is taken up by the next import or start.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from catalog.chroma import StoreError
from catalog.embed import EmbedError
from catalog.items import Item
from catalog.mapping import Fault, ItemCheck, Mapping, MappingError, load_mapping
from catalog.opening import CatalogueError, imported_items, items_file, open_catalogue, words_of
from catalog.sources import PUBLIC_DATA, SOURCES
from catalog.tables import rows
from catalog.vocabulary import Words

SHOWN_FAULTS = 20


def read_source(path: Path, mapping: Mapping, words: Words) -> tuple[list[Item], list[Fault]]:
    """The items of a table and the rows that make none.

    ValueError or OSError where nothing can be read at all, MappingError where a column is named that no row has.
    """
    columns: set[str] = set()

    def drafts() -> Iterator[tuple[int, Fault | dict[str, Any]]]:
        for line, row in rows(path):
            if not isinstance(row, Fault):
                columns.update(row)
            yield line, row if isinstance(row, Fault) else mapping.draft(row)

    found = _checked(drafts(), words)
    if columns and (missing := sorted({*mapping.columns.values()} - columns)):
        raise MappingError(f"{path.name} has no column {missing[0]!r}; its columns: {sorted(columns)}")
    return found


def read_named(name: str, data_folder: Path, words: Words) -> tuple[list[Item], list[Fault]]:
    """The items of one of SOURCES and the rows that make none. OSError when its folder is not there."""
    folder, read = SOURCES[name]
    return _checked(read(data_folder / folder), words)


def upsert(data_dir: Path, items: Sequence[Item], *, replace: bool = False) -> tuple[int, int]:
    """Put items into a data folder's catalogue by id, all or none; replace: forget the items that are not among them.

    Returns how many are new and how many have changed.
    """
    old = {} if replace else {item.id: item for item in imported_items(data_dir)}
    added = sum(item.id not in old for item in items)
    changed = sum(item.id in old and old[item.id] != item for item in items)
    merged = {**old, **{item.id: item for item in items}}
    path = items_file(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(item.model_dump_json() + "\n" for item in merged.values())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return added, changed


def use(source: Path, data_dir: Path) -> list[Fault]:
    """Makes a table the data folder's whole catalogue; returns the rows that were left out.

    Raises CatalogueError where it holds no usable row; the old catalogue then stays.
    """
    try:
        items, faults = read_source(source, load_mapping(None), words_of(data_dir))
    except (ValueError, OSError) as error:
        raise CatalogueError(f"catalogue {str(source)!r} cannot be read: {error}") from error
    if not items:
        raise CatalogueError(f"catalogue {str(source)!r} has no usable row; {_first(faults)}")
    upsert(data_dir, items, replace=True)
    return faults


def main(argv: Sequence[str] | None = None) -> int:
    """Import as the command line says; 0 when there is a catalogue afterwards, 1 with one sentence when not."""
    options = _options(argv)
    logging.basicConfig(level=logging.WARNING)
    try:
        return _run(options)
    except (CatalogueError, EmbedError, StoreError, ValueError, OSError) as error:
        sys.stderr.write(f"Nothing was imported: {error}\n")
        return 1


def _run(options: argparse.Namespace) -> int:
    words = words_of(options.data)
    if options.source in SOURCES:
        items, faults = read_named(options.source, options.data_folder, words)
    else:
        items, faults = read_source(Path(options.source), load_mapping(options.mapping), words)
    _report(options.source, faults)
    if not items:
        raise ValueError(f"{options.source} has no usable row; {_first(faults)}")
    added, changed = upsert(options.data, items, replace=options.replace)
    sys.stdout.write(f"{len(items)} items: {added} new, {changed} changed; {len(faults)} rows left out\n")
    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed} {postfix}") as bar:

        def show(share: float, line: str) -> None:
            bar.set_postfix_str(line, refresh=False)
            bar.update(round(share * 100) - bar.n)

        catalogue = open_catalogue(options.data, model=options.model, chroma_url=options.chroma_url, progress=show)
    sys.stdout.write(f"the catalogue holds {len(catalogue)} items\n")
    return 0


def _checked(drafts: Iterable[tuple[int, dict[str, Any] | Fault]], words: Words) -> tuple[list[Item], list[Fault]]:
    check = ItemCheck(words)
    items: dict[str, Item] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for line, draft in tqdm(drafts, unit=" rows", desc="reading", leave=False):
        if isinstance(draft, Fault):
            faults.append(draft)
            continue
        try:
            item = check.item(draft)
        except ValueError as error:
            faults.append(Fault(line=line, reason=str(error)))
            continue
        if item.id in items:
            faults.append(Fault(line=line, reason=f"id {item.id!r} stands on line {lines[item.id]} already"))
            continue
        items[item.id], lines[item.id] = item, line
    return list(items.values()), faults


def _first(faults: Sequence[Fault]) -> str:
    return f"line {faults[0].line}: {faults[0].reason}" if faults else "it is empty"


def _report(source: str, faults: Sequence[Fault]) -> None:
    lines: Iterator[str] = (f"{source}:{fault.line}: {fault.reason}\n" for fault in faults[:SHOWN_FAULTS])
    rest = Counter(fault.reason for fault in faults[SHOWN_FAULTS:])
    more: Iterator[str] = (
        f"{source}: {count} more rows: {reason}\n" for reason, count in rest.most_common(SHOWN_FAULTS)
    )
    sys.stderr.writelines(chain(lines, more))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m catalog.load", description="Import items into the catalogue.")
    parser.add_argument("source", help=f"a .jsonl, .csv, .tsv or .parquet file, or one of: {', '.join(SOURCES)}")
    parser.add_argument("--data", type=Path, default=Path("var"), help="data folder of the application (default: var)")
    parser.add_argument("--data-folder", type=Path, default=PUBLIC_DATA, help="where named sources lie")
    parser.add_argument("--mapping", type=Path, help="TOML file that names the columns")
    parser.add_argument("--replace", action="store_true", help="forget all items that are not in SOURCE")
    parser.add_argument("--model", help="embedding model: a folder or a hub name")
    parser.add_argument("--chroma-url", default=os.environ.get("CHROMA_URL"), help="a Chroma server for the vectors")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
