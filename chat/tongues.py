"""Languages that people ask for and nothing here is in: "in German please" must not become Chinese.

The contract knows English, Chinese and any. Where an utterance names another language and neither of these, what was
read as a choice between them becomes a search for the language's name, so that the listener is told the truth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from catalog.languages import codes_by_name
from chat.llm.understanding import Call

_HERE = frozenset({"en", "zh"})


def corrected(calls: Sequence[Call], utterance: str) -> tuple[Call, ...]:
    """The calls, a language that was not said replaced by a search for the one that was."""
    if not any(call.name == "set_language" for call in calls):
        return tuple(calls)
    said = _said(utterance)
    if not said or any(code in _HERE for code, _ in said):
        return tuple(calls)
    search = Call(name="search_catalog", args={"query": said[0][1]})
    kept = [call for call in calls if call.name != "set_language"]
    return (*kept, *([] if any(call.name == "search_catalog" for call in kept) else [search]))


def _said(utterance: str) -> list[tuple[str, str]]:
    """The languages that are named, in order: code, and the name as it was said."""
    codes = codes_by_name()
    return [(codes[found[0].lower()], found[0]) for found in _named().finditer(utterance)]


@cache
def _named() -> re.Pattern[str]:
    """Any name of a language: in Latin letters as a whole word, in Chinese anywhere; the longer name first."""
    names = sorted(codes_by_name(), key=len, reverse=True)
    latin = "|".join(re.escape(name) for name in names if name.isascii())
    others = "|".join(re.escape(name) for name in names if not name.isascii())
    return re.compile(rf"(?<![^\W\d_])(?:{latin})(?![^\W\d_])|{others}", re.IGNORECASE)
