"""Hard filters: what may not be shown whatever it scores, as one mask over the catalogue.

Blocks of every kind, availability, age, audio language, "free only", hard status and length, what was
just shown and what the listener rejected. The mask is applied inside every recall source and once
more on the finished list.
"""

from __future__ import annotations

import re

import numpy as np

from catalog.catalogue import Catalogue
from catalog.items import AGE_ORDER
from recommend.effects import having, within
from recommend.pbox import Factor, PBox
from recommend.request import Request

FOR_CHILDREN = re.compile(
    r"(?:给|适合|哄|陪)(?![^，。]{0,8}(?:1\d|十))[^，。]{0,8}(?:[一二两三四五六七八九2-9]\s*岁|小朋友|宝宝|幼儿|娃|小孩|孩子)|"
    r"\bfor (?:(?:an?|the|my|our|small|little|young) )*"
    r"(?:kids?|kiddos?|child|children|toddlers?"
    r"|(?:[2-9]|two|three|four|five|six|seven|eight|nine)[ -]years?[ -]olds?)\b",
    re.IGNORECASE,
)
"""Words of a search or telling that say that small children will listen."""
CHILDREN = "7+"
"""The highest age mark for them."""
AVOID_REPEATS = -0.5
"""From this value of `repeats` down, what was heard is left out altogether."""


def allowed(request: Request, catalogue: Catalogue, heard: np.ndarray, rejected: np.ndarray) -> np.ndarray:
    """Mask of the rows that may be shown; `heard` and `rejected` (for now or for good) come from the history."""
    mask = listenable(request, catalogue) & wanted(request.pbox, catalogue)
    mask[[catalogue.row[item_id] for item_id in request.seen if item_id in catalogue.row]] = False
    if request.intent == "search":  # who looks for something finds it, however it was liked
        return mask
    mask &= ~rejected
    if request.pbox.value(Factor.REPEATS) <= AVOID_REPEATS:
        mask &= ~heard
    if request.anchor in catalogue.row:
        mask[catalogue.row[request.anchor]] = False
    if request.intent == "trending" and request.category:
        mask &= catalogue.in_category(request.category)
    return mask


def listenable(request: Request, catalogue: Catalogue) -> np.ndarray:
    """Available, and within the listener's age mark; that of small children where the words say that they listen."""
    mark = AGE_ORDER.index(request.listener.age)
    if FOR_CHILDREN.search(f"{request.query or ''} {request.told or ''}"):
        mark = min(mark, AGE_ORDER.index(CHILDREN))
    return catalogue.available & (catalogue.ages <= mark)


def wanted(pbox: PBox, catalogue: Catalogue) -> np.ndarray:
    """What the PBox's hard entries leave."""
    mask = np.ones(len(catalogue), dtype=bool)
    for entry in pbox.of(Factor.BLOCK):
        if entry.value > 0.0:
            mask &= ~having(entry, catalogue)
    if tongues := [e.key for e in pbox.of(Factor.LANGUAGE) if e.value > 0.0]:
        mask &= catalogue.speaking(tongues)
    if pbox.is_hard(Factor.ACCESS) and (access := pbox.value(Factor.ACCESS)):
        mask &= catalogue.free if access < 0.0 else ~catalogue.free
    if pbox.is_hard(Factor.STATUS) and (status := pbox.value(Factor.STATUS)):
        mask &= catalogue.completed if status > 0.0 else ~catalogue.completed
    for entry in pbox.of(Factor.LENGTH):
        if entry.hardness == "hard":
            mask &= within(catalogue.sitting_minutes, entry.key, entry.value)
    return mask
