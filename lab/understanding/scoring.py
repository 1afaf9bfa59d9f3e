"""Comparing readings: what counts as right.

Names are compared without case, punctuation and leading articles; where nothing else is left the marks themselves count
("❤️"), and so do those of a single letter ("C++"). Numbers are compared as written (the strength class counts);
`duration` is left out. Calls may stand in any order. Each equally right reading is accepted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from lab.understanding.corpus import Call

_NUMERIC = {
    "weight_increase": 0.05,
    "weight": 0.11,
    "recency": 0.21,
    "popularity": 0.21,
    "novelty": 0.21,
    "diversity": 0.21,
    "quality": 0.11,
}
_ITEMS = frozenset({"item", "items"})
_ITEM, _LAST, _THIS = "item", "last", "this"
_MARKS = re.compile(r"((?<![a-z0-9])[a-z][+#]+(?![a-z0-9]))|[^\w\s]")
"""Punctuation, and names of one letter and its marks, which stay: C++ is not C#."""


def plain(value: Any) -> Any:
    """The value as it is compared: names folded, lists in any order."""
    if isinstance(value, str):
        value = re.sub(r"^(?:the|an?|some|any)\s+", "", value.lower().strip())
        return " ".join(_MARKS.sub(r"\1", value).split()) or value
    return sorted(map(plain, value)) if isinstance(value, (list, tuple)) else value


def same_call(first: Call, second: Call) -> bool:
    """Whether two calls ask for the same."""
    a, b = ({k: v for k, v in call[1].items() if k != "duration"} for call in (first, second))
    if first[0] != second[0] or set(a) != set(b):
        return False
    return all(abs(a[k] - b[k]) < _NUMERIC[k] if k in _NUMERIC else plain(a[k]) == plain(b[k]) for k in a)


def differences(wanted: Sequence[Call], got: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    """The calls of each reading that the other has not."""
    missing, extra = [], list(got)
    for call in wanted:
        found = next((other for other in extra if same_call(call, other)), None)
        if found is None:
            missing.append(call)
        else:
            extra.remove(found)
    return missing, extra


def exact(wanted: Sequence[Call], got: Sequence[Call]) -> bool:
    """Whether both readings hold the same calls."""
    return not any(differences(wanted, got))


def on_list(calls: Sequence[Call], shown: Sequence[str]) -> list[Call]:
    """The calls with each item by its place in the list, whichever of its names it is called by.

    A title of the list, words that no other title there has, and "last" have a place; what is not in it stays.
    """
    titles = [plain(title) for title in shown]

    def place(said: Any) -> Any:
        if isinstance(said, list):
            return list(map(place, said))
        name = plain(said)
        if name == _LAST and titles:
            return str(len(titles))
        if name == _THIS or name.isdigit() and 1 <= int(name) <= len(titles):
            return said
        found = [at for at, title in enumerate(titles, 1) if title == name]
        found = found or [at for at, title in enumerate(titles, 1) if _holds(title, name)]
        return str(found[0]) if len(found) == 1 else said

    return [
        (tool, {k: place(v) if k in _ITEMS or (k == "name" and args["kind"] == _ITEM) else v for k, v in args.items()})
        for tool, args in calls
    ]


def _holds(title: str, name: str) -> bool:
    """Whether a title has a name in it: whole words where they are parted by spaces, any characters in Chinese."""
    return f" {name} " in f" {title} " if name.isascii() else name in title


def same_tools(wanted: Sequence[Call], got: Sequence[Call]) -> bool:
    """Whether both readings use the same tools equally often."""
    return Counter(name for name, _ in wanted) == Counter(name for name, _ in got)


def same_intents(wanted: Sequence[Call], got: Sequence[Call]) -> bool:
    """Whether both readings use the same set of tools, however often: the right intents."""
    return {name for name, _ in wanted} == {name for name, _ in got}


def best(readings: Sequence[Sequence[Call]], got: Sequence[Call]) -> Sequence[Call]:
    """The accepted reading that is nearest to `got`."""
    return max(
        readings,
        key=lambda r: (
            exact(r, got),
            same_tools(r, got),
            (Counter(n for n, _ in r) & Counter(n for n, _ in got)).total(),
        ),
    )


def ratio(part: float, whole: float) -> float | None:
    """part / whole rounded to three places, None for nothing."""
    return round(part / whole, 3) if whole else None


def precision_recall(hits: int, given: int, wanted: int) -> dict[str, float | int | None]:
    """Precision, recall and F1 of counts."""
    return {
        "n": wanted,
        "precision": ratio(hits, given),
        "recall": ratio(hits, wanted),
        "f1": ratio(2 * hits, given + wanted),
    }
