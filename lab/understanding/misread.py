"""What the model reads otherwise than labelled, by class: `python -m lab.understanding.misread [--file F] [--show 3]`.

Reads the gate's records unless files are named: what the held-out ones hold is for figures, not for looking at. Whoever
writes utterances sees here what to write more of (`lab/understanding/corpus/README.md`).
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from chat.llm.understanding import WEIGHTS, Understanding
from lab.understanding.corpus import Call, gate_records, records_of
from lab.understanding.evaluate import Result, run
from lab.understanding.progress import log_to
from lab.understanding.scoring import best, differences

SEVERAL = "several calls"


def kind_of(missing: Sequence[Call], extra: Sequence[Call]) -> str:
    """The class of a misreading: a call too few or too many, another tool, other arguments of the right one."""
    if not extra:
        return "without " + ", ".join(sorted({name for name, _ in missing}))
    if not missing:
        return "beside it " + ", ".join(sorted({name for name, _ in extra}))
    if len(missing) > 1 or len(extra) > 1:
        return SEVERAL
    (wanted, meant), (got, read) = missing[0], extra[0]
    if wanted != got:
        return f"{wanted} as {got}"
    return f"{got}: {', '.join(sorted(arg for arg in meant.keys() | read.keys() if meant.get(arg) != read.get(arg)))}"


def told(call: Call) -> str:
    """A call in one line."""
    name, args = call
    return f"{name}({', '.join(f'{arg}={value!r}' for arg, value in args.items())})"


def lines_of(results: Sequence[Result], show: int) -> Iterator[str]:
    """The classes of each language, the most frequent first, each with up to `show` of its records."""
    classes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        if result.exact:
            continue
        missing, extra = differences(best(result.record.readings, result.calls), result.calls)
        label, read = (", ".join(map(told, calls)) or "nothing" for calls in (missing, extra))
        line = f"    {result.record.id} {result.record.utterance!r}: {label}; read {read}"
        classes[result.record.lang][kind_of(missing, extra)].append(line)
    sizes = Counter(result.record.lang for result in results)
    for lang, found in sorted(classes.items()):
        yield f"{lang}: {sum(map(len, found.values()))} of {sizes[lang]} are read otherwise"
        for name, lines in sorted(found.items(), key=lambda item: -len(item[1])):
            yield f"  {len(lines):4}  {name}"
            yield from lines[:show]


def main() -> None:
    """Prints the classes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, action="append", help="labelled utterances (repeatable)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--show", type=int, default=0, help="how many records of each class to print")
    args = parser.parse_args()
    records = records_of(args.file, gate_records)
    for line in lines_of(run(Understanding.load(args.weights), records), args.show):
        log_to("misread").info("%s", line)


if __name__ == "__main__":
    main()
