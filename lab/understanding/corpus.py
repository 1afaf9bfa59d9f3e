"""Labelled utterances: reading, splitting into training and test, turning into token sequences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from chat.llm.context import Context, layout
from chat.llm.dsl import Source, encode
from lab.understanding.check_corpus import record_faults

CORPUS = Path(__file__).parent / "corpus"
HELD_OUT_FILES = ("train.en-full", "train.zh-mix")
SLICED_FILES = {"train.dialogues": 8, "train.en-plain": 5, "train.zh-plain": 5}
HELD_OUT_DIALOGUES = "dialogues.held.jsonl"
"""Whole dialogues that are a test of their own (`evaluate --file`); `split` only keeps their utterances out."""
GATE_FILES = "gate.*.jsonl"
"""The fixed set that new weights are judged on before they serve (`accept`): every tool often, never trained on."""
Call = tuple[str, dict[str, Any]]


class Record(NamedTuple):
    """One labelled utterance; `readings` holds the main reading first, then those that are equally right."""

    id: str
    lang: str
    context: Context
    utterance: str
    readings: tuple[tuple[Call, ...], ...]


class Example(NamedTuple):
    """Token ids of the encoder's input and of the target, end token included."""

    source: list[int]
    target: list[int]


def parse_record(row: dict[str, Any]) -> Record:
    """A record from its JSON form. Raises ValueError, KeyError or TypeError for a bad one."""
    if faults := record_faults(row):
        raise ValueError("; ".join(faults))
    context = Context(shown=tuple(row["shown"]), asked=row["asked"], about=row["about"])
    lists = [row["calls"], *row.get("alt", [])]
    readings = tuple(tuple((call["name"], call["args"]) for call in calls) for calls in lists)
    return Record(row["id"], row["lang"], context, row["utterance"], readings)


def read_records(path: Path) -> list[Record]:
    """The records of one JSON-lines file. Raises ValueError with file and line for a bad one."""
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            records.append(parse_record(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: {error!r}") from error
    return records


def _sliced_out(record: Record, parts: int) -> bool:
    """Whether a record falls into the test slice: by dialogue or id, one group in `parts`."""
    group = record.id.rsplit("-", 1)[0] if record.id.startswith("dlg") else record.id
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % parts == 0


def split(folder: Path = CORPUS) -> tuple[list[Record], list[Record]]:
    """Training and test records.

    The test never shares a file (or, for sliced files, a dialogue) with training, nor an utterance in the same context.
    """
    train: list[Record] = []
    test: list[Record] = []
    for path in sorted(folder.glob("train.*.jsonl")):
        for record in read_records(path):
            parts = SLICED_FILES.get(path.stem)
            held = path.stem in HELD_OUT_FILES or bool(parts and _sliced_out(record, parts))
            (test if held else train).append(record)
    dialogues = read_records(folder / HELD_OUT_DIALOGUES) if (folder / HELD_OUT_DIALOGUES).exists() else []
    kept_back = set(map(_wording, [*test, *dialogues, *gate_records(folder)]))
    return [record for record in train if _wording(record) not in kept_back], test


def records_of(files: Sequence[Path] | None, otherwise: Callable[[], list[Record]]) -> list[Record]:
    """The records of the files that a command line names, else those that the command reads without any."""
    return [record for path in files for record in read_records(path)] if files else otherwise()


def gate_records(folder: Path = CORPUS) -> list[Record]:
    """The records that weights are judged on: neither trained on, nor the test that figures are told of."""
    return [record for path in sorted(folder.glob(GATE_FILES)) for record in read_records(path)]


def _wording(record: Record) -> tuple[str, Context]:
    return "".join(char for char in record.utterance.lower() if char.isalnum()), record.context


def example(record: Record, tokenizer: Tokenizer, readings: Iterable[tuple[Call, ...]] | None = None) -> Example | None:
    """Tokens of the first reading whose names are spans of the input, or None."""
    place = layout(record.utterance, record.context)
    coded = tokenizer.encode(place.text)
    source = Source.of(place, coded.offsets, len(record.context.shown))
    for calls in readings or record.readings:
        try:
            return Example(coded.ids, encode(calls, source))
        except ValueError:
            continue
    return None
