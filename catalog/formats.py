"""What people call the formats: "podcasts" and "播客" are no category, and yet people ask for them."""

from __future__ import annotations

import re
from functools import cache

from catalog.items import Format
from catalog.spelling import form, is_chinese

FORMAT_WORDS: dict[Format, tuple[str, ...]] = {
    "podcast": ("podcast", "pod", "播客", "播客节目"),
    "audiobook": ("audiobook", "audio book", "有声书", "有声小说", "听书"),
    "radio_drama": ("radio drama", "audio drama", "radio play", "audio play", "广播剧"),
    "course": ("audio course", "course", "课程", "公开课", "网课"),
    "kids_show": ("kids show", "children's show", "儿童节目"),
    "crosstalk": ("crosstalk", "相声"),
    "ambient": ("ambient", "ambient sound", "soundscape", "白噪音", "环境音"),
}
"""The first name stands for the format wherever its items are held, liked or blocked: "course" would also be taken for
the category Languages & Courses."""
_LOOSE = frozenset({"pod", "听书"})
"""Names that are mostly something else in the middle of a sentence: a pod of whales, 想听书."""
_NOT_EN = re.compile(
    r"(?:(?<!why )\bnot?\b|n't\b|n’t\b|\b(?:without|except|rather than|instead of|than|(?:anything|all) but)\b)"
    r"[^,.;!?]{0,15}$"
)
_NOT_ZH = re.compile(r"(?:(?<!要)不要|(?<!想)不想|(?<!是)不是|不听|不看|(?<![特分区])别(?!的)|除了)[^，。；！？]{0,4}$")


def formats_called(text: str) -> list[Format]:
    """The formats that a word in its form (`catalog.spelling.form`) is a name of; mostly none."""
    return [kind for kind, words in FORMAT_WORDS.items() if text in {form(word) for word in words}]


def formats_named(words: str) -> set[Format]:
    """The formats that a whole sentence wants: of "a podcast on jazz, no courses" it is podcasts."""
    text = words.lower()
    return {kind for kind in FORMAT_WORDS if any(not _negated(text[:at]) for at in _places(kind, text))}


def _places(kind: Format, text: str) -> list[int]:
    return [found.start() for found in _named(kind).finditer(text)]


@cache
def _named(kind: Format) -> re.Pattern[str]:
    words = [word for word in FORMAT_WORDS[kind] if word not in _LOOSE]
    english = "|".join(word for word in words if not is_chinese(word))
    chinese = "|".join(word for word in words if is_chinese(word))
    return re.compile(rf"(?<!\w)(?<!of )(?:{english})s?(?![a-z])|{chinese}")


def _negated(before: str) -> bool:
    return bool(_NOT_EN.search(before) or _NOT_ZH.search(before))


def format_word(word: str, lang: str) -> str:
    """A word for a format in "en" or "zh": 播客 for "podcast"; any other word as it is."""
    kinds = formats_called(form(word))
    words = FORMAT_WORDS[kinds[0]] if kinds else ()
    return next((known for known in words if is_chinese(known) == (lang == "zh")), word)
