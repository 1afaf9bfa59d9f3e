"""What people call the formats: "podcasts" and "播客" are no category, and yet people ask for them."""

from __future__ import annotations

from catalog.items import Format
from catalog.spelling import form, is_chinese

FORMAT_WORDS: dict[Format, tuple[str, ...]] = {
    "podcast": ("podcast", "pod", "播客", "播客节目"),
    "audiobook": ("audiobook", "audio book", "有声书", "有声小说", "听书"),
    "radio_drama": ("radio drama", "audio drama", "radio play", "audio play", "广播剧"),
    "course": ("course", "audio course", "课程", "公开课", "网课"),
    "kids_show": ("kids show", "children's show", "儿童节目"),
    "crosstalk": ("crosstalk", "相声"),
    "ambient": ("ambient", "ambient sound", "soundscape", "白噪音", "环境音"),
}


def formats_called(text: str) -> list[Format]:
    """The formats that a word in its form (`catalog.spelling.form`) is a name of; mostly none."""
    return [kind for kind, words in FORMAT_WORDS.items() if text in {form(word) for word in words}]


def format_word(word: str, lang: str) -> str:
    """A word for a format in "en" or "zh": 播客 for "podcast"; any other word as it is."""
    kinds = formats_called(form(word))
    words = FORMAT_WORDS[kinds[0]] if kinds else ()
    return next((known for known in words if is_chinese(known) == (lang == "zh")), word)
