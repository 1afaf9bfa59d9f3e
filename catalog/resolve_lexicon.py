"""The names of one kind of thing, prepared for exact, fuzzy and partial look-up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from catalog.spelling import contains, form, is_chinese, stem

_FUZZY, _FUZZY_LONG = 84.0, 80.0
_LONG = 8
_SHORTEST_PART = 3
_WORD, _UNEVEN = 76.0, 88.0
_SHORTEST_FUZZY = 5
_SHORTEST_FUZZY_ZH = 4
_ZH_FUZZY = 74.0


class Name(NamedTuple):
    """One name of one thing."""

    key: str
    text: str
    """As written."""
    weight: float
    """0 to 1: what decides between two things of the same name."""


class Found(NamedTuple):
    """A thing that a spoken name may mean."""

    key: str
    score: float
    weight: float
    exact: bool
    name: str = ""
    """The form of the name that it was found by; "" where it was found by meaning."""


class Lexicon:
    """Names by their form. Filled once, then only read."""

    def __init__(self, names: Iterable[Name], *, stems: bool = False) -> None:
        self._exact: dict[str, list[Name]] = {}
        self._loose: dict[str, list[Name]] = {}
        for name in names:
            text = form(name.text)
            if text:
                self._exact.setdefault(text, []).append(name)
                self._loose.setdefault(_loose(text, stems), []).append(name)
        self._forms = list(self._exact)
        self._stems = stems

    def exact(self, text: str) -> list[Found]:
        """Things that have the form `text` as a name; 1.0 as it stands, 0.96 without spaces and verb endings."""
        hits = self._exact.get(text)
        if hits:
            return [Found(name.key, 1.0, name.weight, True, text) for name in hits]
        near = self._loose.get(_loose(text, self._stems), ())
        return [Found(name.key, 0.96, name.weight, True, form(name.text)) for name in near]

    def fuzzy(self, text: str, limit: int = 8) -> list[Found]:
        """Things with a name spelt nearly so; too short texts have none."""
        chinese = is_chinese(text)
        if len(text) < (_SHORTEST_FUZZY_ZH if chinese else _SHORTEST_FUZZY):
            return []
        cutoff = _ZH_FUZZY if chinese else _FUZZY_LONG if len(text) >= _LONG else _FUZZY
        near = process.extract(text, self._forms, scorer=fuzz.ratio, score_cutoff=cutoff, limit=limit)
        return [
            Found(n.key, 0.7 + 0.25 * (ratio - cutoff) / (100 - cutoff), n.weight, False, other)
            for other, ratio, _ in near
            if chinese or _same_words(other, text, ratio)
            for n in self._exact[other]
        ]

    def holding(self, text: str) -> list[Found]:
        """Things with a name that holds `text`, by how much of it; beginnings of its words count too."""
        if not is_chinese(text) and len(text) < _SHORTEST_PART:
            return []
        found = []
        first = text.split()[0]
        for other in [name for name in self._forms if first in name]:
            if contains(other, text) or _begins(other, text):
                share = len(text) / len(other)
                found += [Found(n.key, 0.72 + 0.2 * share, n.weight, False, other) for n in self._exact[other]]
        return found

    def held(self, text: str) -> list[Found]:
        """Things whose name stands within `text`; a longer name and one nearer the end count more."""
        found = []
        for other in [name for name in self._forms if name in text]:
            if len(other) > (1 if is_chinese(other) else 2) and contains(text, other):
                share, end = len(other) / len(text), (text.rfind(other) + len(other)) / len(text)
                found += [
                    Found(n.key, 0.5 + 0.2 * share + 0.2 * end, n.weight, False, other) for n in self._exact[other]
                ]
        return found


def _loose(text: str, stems: bool) -> str:
    return (stem(text) if stems else text).replace(" ", "")


def _same_words(name: str, text: str, ratio: float) -> bool:
    """Whether two near English forms differ by slips of spelling, and not by another word."""
    if name[0] != text[0]:
        return False
    pairs = list(zip(name.split(), text.split(), strict=False))
    if len(name.split()) != len(text.split()):
        return ratio >= _UNEVEN
    return all(fuzz.ratio(a, b) >= _WORD or OSA.distance(a, b) <= 1 for a, b in pairs)


def _begins(name: str, text: str) -> bool:
    """Whether the words of `text` begin words of `name`, in order: "huck finn" in "huckleberry finn adventure"."""
    wanted, words = text.split(), iter(name.split())
    if len(wanted) < 2 or any(len(word) < 3 for word in wanted):
        return False
    return all(any(word.startswith(part) for word in words) for part in wanted)
