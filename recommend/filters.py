"""Hard filters: what may not be shown whatever it scores, as one mask over the catalogue.

Blocks of every kind, availability, age, audio language, "free only", hard status and length, what was
just shown and what the listener rejected. The mask is applied inside every recall source and once
more on the finished list.
"""

from __future__ import annotations

import re

import numpy as np

from catalog.catalogue import Catalogue
from catalog.formats import FORMAT_WORDS
from catalog.items import AGE_ORDER, Item
from catalog.spelling import form
from recommend.effects import having, within
from recommend.pbox import Factor, PBox
from recommend.request import Request

_FEW = "(?:[2-9]|two|three|four|five|six|seven|eight|nine)"
_SMALL = "(?:kids?|kiddos?|child|children|toddlers?|little (?:one|boy|girl)s?)"
_KIN = "(?:(?:grand)?(?:daughter|son|kid|child|children)s?|niece|nephew)"
_YOUNG = rf"(?:only |just |about |almost |turning )*{_FEW}(?=$|[,.;!?]| (?:and|now|years?|yrs?|months?)\b)"
_IS = "(?:is|are|['’]s|['’]re)"
_GROWN = (
    r"[^.;!?]{0,25}\b(?:(?:1\d|[2-9]\d|ten|eleven|twelve|twenty|thirty|forty)\b(?! min)"
    r"|\w*teen|teenager|grown|adult|college|husband|wife)"
)
_FEW_ZH, _SMALL_ZH = "[一二两三四五六七八九2-9]", "(?:小朋友|宝宝|幼儿|娃|小孩|孩子)"
_AGE_ZH = rf"(?<![0-9十百几]){_FEW_ZH}\s*岁半?"
_KIN_ZH = "(?:女儿|儿子|孙子|孙女|外孙|侄子|侄女|外甥)"
FOR_CHILDREN = re.compile(
    "|".join((
        rf"(?:给|适合|哄|陪)(?![^，。]{{0,8}}(?:1\d|十))[^，。]{{0,8}}(?:{_FEW_ZH}\s*岁|{_SMALL_ZH})",
        rf"(?:给|适合|哄|陪)[^，。]{{0,4}}{_KIN_ZH}(?!媳妇|的(?:信|婚)|[^。]{{0,8}}(?:[1-9]\d|十)\s*岁)",
        rf"{_KIN_ZH}[^。！？]{{0,6}}{_AGE_ZH}",
        rf"{_AGE_ZH}的?(?=$|[\s，。！？、,.!?]|能|可以|听|适合|左右|{_SMALL_ZH}(?:听|能|可以|$))",
        rf"\bfor (?:(?:an?|the|my|our|small|little|young) )*(?:{_SMALL}|{_FEW}[ -]years?[ -]olds?)\b",
        rf"\bfor (?:(?:my|our|little|young) )+{_KIN}\b(?! of\b|['’]s \w{{4}}|{_GROWN})",
        r"\bfor (?:the|an?) (?:grand(?:son|daughter|kid|child)\w*|niece|nephew)\b",
        rf"\b(?:my|our) (?:(?:little|young) )*(?:{_KIN}|{_SMALL})\W{{0,2}}(?:(?:s?he|who|they) ?)?{_IS} {_YOUNG}",
        rf"\b(?:my|our) {_FEW}[ -]years?[ -]olds?\b",
        rf"\b(?:s?he|they) ?{_IS} {_YOUNG}",
    )),
    re.IGNORECASE,
)  # fmt: skip
"""Words of a search or telling that say that small children will listen; a daughter without an age counts as small,
where it is for her."""
FOR_GROWN_UPS = re.compile(
    r"\bfor (?:me|myself|adults|grown-?ups|my (?:wife|husband|partner|girlfriend|boyfriend|mum|mom|mother|dad|father|"
    r"parents))\b(?! (?:and|with|or|to)\b)"
    r"|给(?:我?自己|大人|成人|老婆|老公|我?爸|我?妈|父母)(?!和|跟)|(?:我自己|大人|成人|成年人)听|(?<!孩子)(?<!他)(?<!她)自己听",
    re.IGNORECASE,
)
"""Words of a turn that say that somebody grown up will listen."""
_NOT_FOR = re.compile(
    r"(?:\bnot|\bnothing|\bno \w+|n['’]t (?:\w+ ){0,3}(?:anything|any|stuff|things)|不是|不要|别|不用|不想听)\s*$",
    re.IGNORECASE,
)
FOR_ADULTS = re.compile(
    r"\bfor (?:[a-z]+ )?(?:adults|grown-?ups)\b(?! (?:and|or) (?:kids|children))|\badults only\b"
    r"|\b(?:adult|grown-?up) (?:bedtime|sleep)\b|成人(?:版|向|睡前|助眠|故事|听)"
    r"|(?:适合|给|面向)[^，。；与和]{0,4}(?:成人|成年人|大人)(?![和与及、]|也)",
    re.IGNORECASE,
)
"""Words of a record that say whom it is meant for, whatever its age mark: who falls asleep by it is no child."""
ADULT_TAGS = frozenset({"adult", "grown up", "成人", "成年人"})
"""Tags that say it, in their form."""
CHILDREN = "7+"
"""The highest age mark for them."""
FEW_OF_FORMAT = 3
"""Fewer items of a format make no list."""
AVOID_REPEATS = -0.5
"""From this value of `repeats` down, what was heard is left out altogether."""


def allowed(request: Request, catalogue: Catalogue, heard: np.ndarray, rejected: np.ndarray) -> np.ndarray:
    """Mask of the rows that may be shown; `heard` and `rejected` (for now or for good) come from the history."""
    mask = _of_format(request, catalogue, listenable(request, catalogue) & wanted(request.pbox, catalogue))
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


def _of_format(request: Request, catalogue: Catalogue, mask: np.ndarray) -> np.ndarray:
    """Those of the rows that have the format asked for; all of them where next to nothing has it."""
    if request.format is None:
        return mask
    kept = mask & catalogue.holds("tag", FORMAT_WORDS[request.format][0])
    return kept if kept.sum() >= FEW_OF_FORMAT else mask


def for_children(said: str) -> bool | None:
    """Whether words say that small children will listen (True), or somebody grown up (False); None for neither.

    What is said last counts: "not for the kids this time, for me".
    """
    found = [(m.start(), not _NOT_FOR.search(said[: m.start()])) for m in FOR_CHILDREN.finditer(said)]
    found += [(m.start(), False) for m in FOR_GROWN_UPS.finditer(said)]
    return max(found)[1] if found else None


def listenable(request: Request, catalogue: Catalogue) -> np.ndarray:
    """Available, and within the listener's age mark; where small children listen, fit for them."""
    spoken = for_children(f"{request.query or ''} {request.told or ''}")
    children = bool(spoken) if request.children is None else request.children
    return catalogue.available & suited(catalogue, request.listener.age, children=children)


def suited(catalogue: Catalogue, age: str, *, children: bool) -> np.ndarray:
    """The rows within a listener's age mark (a mask); where small children listen, those that are fit for them."""
    mark = AGE_ORDER.index(age)
    if not children:
        return catalogue.ages <= mark
    return (catalogue.ages <= min(mark, AGE_ORDER.index(CHILDREN))) & ~_for_adults(catalogue)


def _for_adults(catalogue: Catalogue) -> np.ndarray:
    """The rows that say themselves that they are for adults, or whose category does."""
    return catalogue.kept("for adults", "", lambda: _said_for_adults(catalogue))


def _said_for_adults(catalogue: Catalogue) -> np.ndarray:
    mask = np.array([_is_for_adults(item) for item in catalogue.items], dtype=bool)
    for category in catalogue.words.taxonomy.categories:
        if FOR_ADULTS.search(f"{category.en}\n{category.zh}"):
            mask |= catalogue.in_category(category.path)
    return mask


def _is_for_adults(item: Item) -> bool:
    told = "\n".join((item.title, item.title_alt or "", item.description, *item.tags))
    return FOR_ADULTS.search(told) is not None or not ADULT_TAGS.isdisjoint(map(form, item.tags))


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
