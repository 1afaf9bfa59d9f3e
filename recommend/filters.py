"""Hard filters: what may not be shown whatever it scores, as one mask over the catalogue.

Blocks of every kind, availability, age, audio language, "free only", hard status and length, what was
just shown and what the listener rejected. The mask is applied inside every recall source and once
more on the finished list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from catalog.catalogue import Catalogue
from catalog.formats import FORMAT_WORDS
from catalog.items import AGE_ORDER, Item
from catalog.shelf import shelf
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
_FEW_ZH, _SMALL_ZH = "[一二两三四五六七八九2-9]", "(?:小朋友|宝宝|幼儿|(?<!鸡)娃|小孩|孩子)"
_AGE_ZH = rf"(?<![0-9十百几]){_FEW_ZH}\s*岁半?"
_KIN_ZH = "(?:女儿|儿子|孙子|孙女|外孙|侄子|侄女|外甥)"
_OLD_ZH = (
    r"(?:(?:1\d|十[一二三四五六七八九]?)\s*岁|(?<![提最])高[一二三]|(?<![月年])初[一二三]|[高初]中"
    r"|(?:上|读|念)大学|大学(?:生|的))"
)
_TO_ZH = rf"(?:(?!1\d|十|{_OLD_ZH})[^，。])"
FOR_CHILDREN = re.compile(
    "|".join((
        rf"(?:给|适合|哄|陪){_TO_ZH}{{0,8}}(?:{_FEW_ZH}\s*岁|{_SMALL_ZH})(?![^。]{{0,4}}{_OLD_ZH})",
        rf"(?:(?<!写)给|适合|哄|陪){_TO_ZH}{{0,4}}{_KIN_ZH}(?!媳妇|的(?:信|婚)|[^。]{{0,8}}(?:[1-9]\d\s*岁|{_OLD_ZH}))",
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
_FETCHED = "".join(rf"(?<!\b{verb} )" for verb in ("the", "only", "pick", "choose", "find", "get", "play", "light"))
FOR_GROWN_UPS = re.compile(
    r"\bfor (?:myself|adults|grown-?ups|my (?:wife|husband|partner|girlfriend|boyfriend|mum|mom|mother|dad|father|"
    r"parents))\b(?! (?:and|with|or|to)\b)"
    r"|\b(?:(?:it|this|that)(?:['’]?s| is)|now|this time),? for me\b(?! (?:and|with|or|to)\b)"
    rf"|\b{_FETCHED}(?:one(?:['’]s| is)?|something(?: \w+)?) for me\b(?! (?:and|with|or|to)\b)"
    r"|\bfor me,? (?:not|now|this time|instead)\b|(?:^|,) ?for me(?=\s*(?:$|[.!?]))"
    r"|给(?:我?自己|大人|成人|老婆|老公|我?爸|我?妈|父母)(?!和|跟)|(?:我自己|大人|成人|成年人)听|(?<!孩子)(?<!他)(?<!她)自己听",
    re.IGNORECASE,
)
"""Words of a turn that say that somebody grown up will listen; "pick for me" and "save it for me" say nothing of it."""
_NOT_FOR = re.compile(
    r"(?:\bnot(?: (?:\w+(?<!ou)(?<!s)s|stuff|music|fiction|anything|something))?|\bnothing|\bno \w+"
    r"|n['’]t (?:\w+ ){0,3}(?:anything|any|stuff|things)|不是|不要|不用|不想听)\s*$",
    re.IGNORECASE,
)
"""Before words of children: they are not who will listen."""
_KEPT_FROM = re.compile(
    r"\bnot (?:just|only|really|suitable|appropriate|fit|right|good|meant|made|ok|okay|safe)\s*$"
    r"|(?:(?<![特分区个级类性])别|不)[再老总净光许能准该想要]{0,2}(?:给我)?(?:推荐?|放|挑|选|找|来|讲|念|弄|整|播|拿)?[这那些个种本点什么]{0,3}$",
    re.IGNORECASE,
)
"""The same of an item: it is nothing for them, whoever listens."""
_A_KIND = re.compile("[听讲看读写用]?的(?!号|账)")
_ANY_CHILDREN = re.compile(r"for (?:(?:small|little|young) )*(?:kids|children|toddlers)", re.IGNORECASE)
_ITEM_IS = re.compile(r"(?:(?<!what)(?<!there)(?<!here)['’]s|\b(?:is|are)|是)\s*$", re.IGNORECASE)
_IT_IS = re.compile(r"(?:\b(?:it|this|that)(?:['’]s| is)|\b(?:these|those) are|是)\s*$", re.IGNORECASE)
_ASKED = re.compile(r"[^.!;?，。！]{0,25}\?|[^，。！]{0,6}[吗吧?？]")
_UNFIT = re.compile("[^，。]{0,4}不(?:合适|适合)")
FOR_ADULTS = re.compile(
    r"\bfor (?:[a-z]+ )?(?:adults|grown-?ups)\b(?! (?:and|or) (?:kids|children))|\badults only\b"
    r"|\b(?:adult|grown-?up) (?:bedtime|sleep)\b|成人(?:版|向|睡前|助眠|故事|听)"
    r"|(?:适合|给|面向)[^，。；与和]{0,4}(?:成人|成年人|大人)(?![和与及、]|也)",
    re.IGNORECASE,
)
"""Words of a record that say whom it is meant for, whatever its age mark: who falls asleep by it is no child."""
ADULT_TAGS = frozenset({"adult", "grown up", "成人", "成年人"})
"""Tags that say it, in their form."""
_ADULT_HINTS = ("adult", "grown", "成人", "成年", "大人")
"""One of these stands in all that says so."""
CHILDRENS, PARENTS = ("children", "kids show"), ("parenting",)
"""What is made for children is called one of the first, and none of the second, which stand beside it."""
BROWSED = frozenset({"home", "more", "trending", "discover"})
"""Lists that are looked for by no words of their own."""
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
    return _for_them(request, catalogue, mask)


def _for_them(request: Request, catalogue: Catalogue, mask: np.ndarray) -> np.ndarray:
    """Where small children listen, those of the rows that are made for children, should they fill a list."""
    if request.intent not in BROWSED or not _children_listen(request):
        return mask
    made = mask & made_for_children(catalogue, request.pbox)
    return made if made.sum() >= request.size else mask


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
    heard = [(m.start(), _they_listen(said, m)) for m in FOR_CHILDREN.finditer(said)]
    heard += [(m.start(), False) for m in FOR_GROWN_UPS.finditer(said)]
    found = [(place, who) for place, who in heard if who is not None]
    return max(found)[1] if found else None


def _they_listen(said: str, found: re.Match[str]) -> bool | None:
    """Whether words of children say that they listen; None where the words are about an item: "is it for kids?"."""
    before, after = said[: found.start()], said[found.end() :]
    if refused := _NOT_FOR.search(before):
        of_some = re.match(r"no\w* \w", refused.group(), re.IGNORECASE) and not _ANY_CHILDREN.fullmatch(found.group())
        return None if of_some else False
    if _KEPT_FROM.search(before):
        return False if _A_KIND.match(after) else None
    anybody = _ANY_CHILDREN.fullmatch(found.group()) or found.group().startswith("给")
    of_item = anybody and _ITEM_IS.search(before) and (not _IT_IS.search(before) or _ASKED.match(after))
    return None if of_item or _UNFIT.match(after) else True


def listenable(request: Request, catalogue: Catalogue) -> np.ndarray:
    """Available, and within the listener's age mark; where small children listen, fit for them."""
    return catalogue.available & suited(catalogue, request.listener.age, children=_children_listen(request))


def _children_listen(request: Request) -> bool:
    if request.children is not None:
        return request.children
    return bool(for_children(f"{request.query or ''} {request.told or ''}"))


def suited(catalogue: Catalogue, age: str, *, children: bool) -> np.ndarray:
    """The rows within a listener's age mark (a mask); where small children listen, those that are fit for them."""
    mark = AGE_ORDER.index(age)
    if not children:
        return catalogue.ages <= mark
    return (catalogue.ages <= min(mark, AGE_ORDER.index(CHILDREN))) & ~_for_adults(catalogue)


def _for_adults(catalogue: Catalogue) -> np.ndarray:
    """The rows that say themselves that they are for adults, or whose category does."""
    return catalogue.pinned("for adults", lambda: _said_for_adults(catalogue))


def _said_for_adults(catalogue: Catalogue) -> np.ndarray:
    mask = np.array([_is_for_adults(item) for item in catalogue.items], dtype=bool)
    for category in catalogue.words.taxonomy.categories:
        if FOR_ADULTS.search(f"{category.en}\n{category.zh}"):
            mask |= catalogue.in_category(category.path)
    return mask


def _is_for_adults(item: Item) -> bool:
    told = "\n".join((item.title, item.title_alt or "", item.description, *item.tags))
    lowered = told.lower()
    if not any(hint in lowered for hint in _ADULT_HINTS):
        return False
    return FOR_ADULTS.search(told) is not None or not ADULT_TAGS.isdisjoint(map(form, item.tags))


def made_for_children(catalogue: Catalogue, pbox: PBox) -> np.ndarray:
    """The rows that are made for children, not merely harmless to them; what is for parents where it is wished for."""
    made = catalogue.kept("for children", "", lambda: _called(CHILDRENS, catalogue) & ~_called(PARENTS, catalogue))
    for entry in pbox.of(Factor.CATEGORY):
        rows = catalogue.in_category(entry.key)
        if entry.value > 0.0 and not (rows & ~_called(PARENTS, catalogue)).any():
            made = made | rows
    return made


def _called(names: Sequence[str], catalogue: Catalogue) -> np.ndarray:
    """The rows of the kinds of things that are called one of the names."""
    mask = np.zeros(len(catalogue), dtype=bool)
    for name in names:
        if kind := shelf(name, catalogue):
            mask |= kind.mask(catalogue)
    return mask


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
