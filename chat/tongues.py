"""Languages that people ask for and nothing here is in: "in German please" must not become Chinese.

The contract knows English, Chinese and any. Where an utterance names another language and neither of these, what was
read as a choice between them becomes a search for the language's name, so that the listener is told the truth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.languages import codes_by_name
from chat.llm.understanding import Call

_HERE = frozenset({"en", "zh"})
_WORD = re.compile(r"[^\W\d_]+")


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
    """The languages that are named: code, and the name as it was said."""
    names, lowered = codes_by_name(), utterance.lower()
    words = [(match.start(), names[match[0]], match[0]) for match in _WORD.finditer(lowered) if match[0] in names]
    for name, code in names.items():
        if not name.isascii() and name not in (word for _, _, word in words) and name in lowered:
            words.append((lowered.index(name), code, name))
    return [(code, utterance[at : at + len(name)]) for at, code, name in sorted(words)]
