"""How like spoken words are to a title on the screen: the title, a part of it, more than it, or mistyped.

And how a title is told in the language of the talk.
"""

from __future__ import annotations

from rapidfuzz import fuzz

from catalog.items import Item
from catalog.spelling import is_chinese
from recommend.request import UiLanguage

SAME, PART, MORE = 100.0, 95.0, 85.0
ALIKE, ALIKE_ZH = 80.0, 66.0
"""Likeness from which a mistyped title is taken for one that is shown; of three Chinese characters one may be wrong."""
SHORTEST, SHORTEST_ZH = 4, 2
"""Letters and Chinese characters that a part of a title, or a title inside other words, has at least."""
HALF = 0.5
"""Share of what is said that a title among other words makes up at least."""
PARTIAL = 0.9
_ARTICLES = frozenset({"the", "a", "an"})
_BOTH: dict[UiLanguage, str] = {"en": "{} ({})", "zh": "{}（{}）"}


def title_in(item: Item, lang: UiLanguage) -> str:
    """The title, with the one in the language of the talk beside it where it is in the other script.

    The title itself stays, for it is what the card shows.
    """
    other, chinese = item.title_alt, lang == "zh"
    if other and is_chinese(item.title) != chinese and is_chinese(other) == chinese:
        return _BOTH[lang].format(item.title, other)
    return item.title


def likeness(said: str, title: str) -> float:
    """0 to 100, of two texts as `catalog.spelling.plain` leaves them; 0 where they are not alike enough to be one.

    Words that are a part of the title ("the buxton", "adam podcast") are PART; a title among other words is MORE.
    """
    if said == title:
        return SAME
    if _within(said, title):
        return PART
    if _within(title, said) and len(title) >= HALF * len(said):
        return MORE
    mistyped = min(PART - 1, fuzz.ratio(said, title))
    if said.isascii() and SHORTEST <= len(said) < len(title) and said not in title:
        mistyped = max(mistyped, PARTIAL * fuzz.partial_ratio(said, title))
    return mistyped if mistyped >= (ALIKE if said.isascii() else ALIKE_ZH) else 0.0


def _within(part: str, whole: str) -> bool:
    """Whether all words of `part` stand in `whole`, in that order; for Chinese, the characters in one run."""
    if not part.isascii():
        return len(part) >= SHORTEST_ZH and part in whole
    wanted = [word for word in part.split() if word not in _ARTICLES]
    left = iter(whole.split())
    return sum(map(len, wanted)) >= SHORTEST and all(word in left for word in wanted)
