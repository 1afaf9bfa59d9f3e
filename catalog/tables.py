"""Rows of JSONL, CSV and Parquet files, one at a time, with the line that each stands on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from catalog.mapping import Fault

Row = tuple[int, dict[str, Any] | Fault]
SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


def rows(path: Path) -> Iterator[Row]:
    """Each row as (line, values by column), or (line, Fault) where it cannot be read.

    ValueError for a kind of file that is not one of SUFFIXES; OSError where it cannot be opened.
    """
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return _json_rows(path)
    if suffix in (".csv", ".tsv"):
        return _csv_rows(path, "\t" if suffix == ".tsv" else ",")
    if suffix == ".parquet":
        return _parquet_rows(path)
    raise ValueError(f"{path.name!r} is not one of {', '.join(SUFFIXES)}; save it as one of them")


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                record = json.loads(raw)
            except ValueError as error:
                yield line, Fault(line=line, reason=f"not JSON: {error}")
                continue
            if isinstance(record, dict):
                yield line, record
            else:
                yield line, Fault(line=line, reason=f"not an object in braces but {type(record).__name__}")


def _csv_rows(path: Path, separator: str) -> Iterator[Row]:
    # Bytes that are no UTF-8 spoil their own row only; a byte-order mark of a spreadsheet is put aside.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        columns = _cells(reader) or []
        last = reader.line_num
        if isinstance(columns, str):
            yield 1, Fault(line=1, reason=columns)
            return
        while (cells := _cells(reader)) is not None:
            line, last = last + 1, reader.line_num
            if not cells:
                continue
            if isinstance(cells, str):
                yield line, Fault(line=line, reason=cells)
            elif len(cells) != len(columns):
                yield line, Fault(line=line, reason=f"{len(cells)} cells for {len(columns)} columns")
            elif any("\ufffd" in cell for cell in cells):
                yield line, Fault(line=line, reason="not UTF-8; save the file as UTF-8")
            else:
                yield line, dict(zip(columns, cells, strict=True))


def _cells(reader: Iterator[list[str]]) -> list[str] | str | None:
    """The next row; what is wrong with it; None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return f"no proper CSV ({error}); a quotation mark may not be closed, or not be doubled"


def _parquet_rows(path: Path) -> Iterator[Row]:
    line = 0
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=2000):
            for record in batch.to_pylist():
                line += 1
                yield line, record
