"""Keeps a phrasing model honest: its sentence may be nicer than ours, but may not say more."""

from __future__ import annotations

import re

from catalog.catalogue import Catalogue

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUOTED = re.compile(r"[“\"《「]([^”\"》」]{2,80})[”\"》」]")
LONGEST = 600


def faithful(phrased: str, facts: str, catalogue: Catalogue) -> bool:
    """Whether `phrased` holds no number, quoted name or catalogue title that `facts` does not hold."""
    if len(phrased) > LONGEST:
        return False
    if not set(_NUMBER.findall(phrased)) <= set(_NUMBER.findall(facts)):
        return False
    if any(name not in facts for name in _QUOTED.findall(phrased)):
        return False
    folded, known = phrased.casefold(), facts.casefold()
    return not any(
        len(item.title) > 5 and item.title.casefold() in folded and item.title.casefold() not in known
        for item in catalogue.items
    )
