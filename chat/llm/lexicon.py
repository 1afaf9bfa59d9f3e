"""Names that are widely known, and what each is known for: a writer, a voice, a series.

"Jeremy Irons could make a shopping list filthy" does not say that he reads and does not write, nor "余华苏童格非" where
one name ends; only knowledge does, and a small model has little of it. Training swaps these names into its sentences
(`lab.understanding.augment`); what the model still guesses wrong is settled here, where a name is known for one thing
only, and where what was taken for one name is nothing but several known ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from catalog.spelling import plain

FOLDER = Path(__file__).parent / "lexicon"
KINDS = frozenset({"author", "narrator", "series"})
"""Between these the lexicon decides; what is a genre and what a theme word depends on the catalogue's tree."""
PEOPLE = KINDS - {"series"}
SHORTEST, LONGEST = 2, 9
"""Characters of a Chinese name of a person."""
_HAN = re.compile(r"[\u3400-\u9fff]+")
_AND = re.compile(r"\s*(?:,|&|\band\b|、|和|跟|与)\s*", re.IGNORECASE)


_SPOKEN = re.compile(
    r"\b(read|reads|reader|reading|narrat\w*|voice\w*|perform\w*|host\w*|podcast\w*|listen\w*|sound\w*|accent)\b|"
    "念|讲|播|说书|声|嗓|读|主持|单口|评书|相声|口音",
    re.IGNORECASE,
)
_TOLD = {
    "narrator": _SPOKEN,
    "author": re.compile(r"\b(writ\w*|wrote|novels?|books?|memoirs?|prose)\b|写|著|小说|作品|文笔", re.IGNORECASE),
    "series": re.compile(r"\b(series|saga|franchise)\b|系列|全集", re.IGNORECASE),
}
"""Words that say themselves what a name is."""


def lines(folder: Path = FOLDER) -> list[tuple[str, str, str]]:
    """Language, kind and name of every line of `names.en.tsv` and `names.zh.tsv`."""
    found = []
    for path in sorted(folder.glob("names.*.tsv")):
        rows = (line.partition("\t") for line in path.read_text(encoding="utf-8").splitlines())
        found += [(path.name.split(".")[1], kind, name) for kind, _, name in rows]
    return found


class Lexicon:
    """Known names. Read at the first question, so that a start does not wait for it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    @cached_property
    def _kinds(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for _, kind, name in lines(self._folder):
            if kind in KINDS:
                found.setdefault(plain(name), set()).add(kind)
        return found

    def settled(self, args: Mapping[str, Any], said: str) -> dict[str, Any]:
        """The arguments of a call; the kind of a name is corrected where it is known for one thing only.

        `said`: the utterance. Who is known for writing may be meant as a voice where it speaks of one, a voice as a
        writer beside books, and anybody's name is a series where it calls it one.
        """
        name, kind = str(args.get("name", "")), str(args.get("kind", ""))
        known = self._kinds.get(plain(name), set()) if kind in KINDS else set()
        told = _TOLD.get(kind)
        if len(known) != 1 or told and told.search(said.replace(name, " ")):
            return dict(args)
        return {**args, "kind": next(iter(known))}

    def apart(self, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The arguments of a call, one for each person where the name is nothing but several known people's names."""
        name = str(args.get("name", ""))
        if args.get("kind") not in KINDS or plain(name) in self._kinds:
            return [dict(args)]
        listed = [part for part in _AND.split(name) if part]
        names = listed if len(listed) > 1 and all(map(self._person, listed)) else self._run_together(name)
        return [{**args, "name": part} for part in names or [name]]

    def _person(self, name: str) -> bool:
        return bool(self._kinds.get(plain(name), set()) & PEOPLE)

    def _run_together(self, name: str) -> list[str]:
        """The fewest known people whose names, written without a gap, make up the whole; empty where none do."""
        if not _HAN.fullmatch(name):
            return []
        fewest: list[list[str] | None] = [[], *[None] * len(name)]
        for start in range(len(name)):
            before = fewest[start]
            for end in range(start + SHORTEST, min(start + LONGEST, len(name)) + 1):
                longer = before is not None and ((other := fewest[end]) is None or len(other) > len(before) + 1)
                if before is not None and longer and self._person(name[start:end]):
                    fewest[end] = [*before, name[start:end]]
        return fewest[-1] or []
