"""What people put around a name without meaning it: "some good history podcasts" is about history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from catalog.spelling import form, is_chinese, plain

_BEFORE = frozenset(
    "some any other good great more less my your our all about of on in at for with to while when during before "
    "listening listen reading something anything things stuff doing the a an i we really very bit kind sort "
    "lots lot new old best nice proper just that makes make me feel get getting going it is it's and or".split()
)
_AFTER = frozenset(
    "book podcast stuff story novel fiction show audiobook audio title series content thing genre tale programme "
    "program topic one read listen episode recording saga lesson writing literature record out up time related type "
    "kind vibe mood feeling category section nonfiction".split()
)
_ZH_AFTER = (
    "的时候",
    "时候",
    "类的",
    "类型",
    "系列",
    "小说",
    "故事",
    "节目",
    "播客",
    "有声书",
    "题材",
    "作品",
    "频道",
    "音频",
    "内容",
    "东西",
    "路上",
    "老师",
    "的书",
    "先生",
    "podcast",
    "一点",
    "感",
    "系",
    "类",
    "的",
    "书",
    "文",
    "剧",
    "时",
    "点",
    "片",
    "课",
    "前",
    "上",
)
_ZH_BEFORE = (
    "让人",
    "令人",
    "使人",
    "一些",
    "一点",
    "其他",
    "其它",
    "别的",
    "有关",
    "关于",
    "那种",
    "这种",
    "适合",
    "想听",
    "给",
    "有",
    "听",
    "在",
    "坐",
    "点",
    "很",
    "比较",
    "最",
)
_FORMATS = {
    "radio_drama": ("广播剧", "radio drama", "audio drama", "radio play"),
    "podcast": ("播客", "podcast"),
    "audiobook": ("有声书", "有声小说", "audiobook", "audio book", "novel", "小说", "原著"),
    "crosstalk": ("相声",),
    "course": ("课程", "公开课", "course"),
}
_FICTION = frozenset({"novel", "story", "tale", "book"})
_MOST = 12
_NOT_ZH = re.compile(
    r"(?!别有|无比|无限|无敌|无尽|没有不)[不别没无勿唔毋](?:想|用|要|需要|需|必|能|会|太|特别|怎么|那么|这么|使|是|有)*(.+)"
)
_NOT_EN = re.compile(
    r"(?!not (?:just|only)|no less|nothing but|non ?stop)(?:not|no|nothing|non|never)[ -]"
    r"(?:(?:too|so|very|that|really|all|quite|super|at|overly|as) )*(.+?)(?: at all)?"
)
_COVER = re.compile(r"[《》〈〉「」『』“”\"]")


@lru_cache(maxsize=8192)
def variants(said: str) -> tuple[str, ...]:
    """Forms that a spoken name may stand for, the most literal first: as said, then with more and more filler off."""
    first = form(said)
    found = dict.fromkeys([first, form(plain(said))])
    for text in list(found):
        found.update(dict.fromkeys(_chinese(text) if is_chinese(text) else _english(text)))
    return tuple(text for text in found if text)


def _english(text: str) -> Iterator[str]:
    words = text.split()
    while len(words) > 1 and words[0] in _BEFORE:
        words = words[1:]
        yield " ".join(words)
    if len(words) > 1 and words[-1] in _FICTION:
        yield " ".join([*words[:-1], "fiction"])
    while len(words) > 1 and words[-1] in _AFTER:
        words = words[:-1]
        yield " ".join(words)


def _chinese(text: str) -> Iterator[str]:
    queue, seen = [text], {text}
    while queue and len(seen) < _MOST:
        current = queue.pop(0)
        shorter = [current[: -len(end)] for end in _ZH_AFTER if current.endswith(end)]
        shorter += [current[len(start) :] for start in _ZH_BEFORE if current.startswith(start)]
        for rest in (text.strip() for text in shorter):
            if rest and rest not in seen:
                seen.add(rest)
                queue.append(rest)
                yield rest


def core(said: str) -> str:
    """The name with all filler off."""
    return variants(said)[-1]


def negated(said: str) -> str:
    """What stands behind a "not": 吓人 of 不吓人, "heavy" of "not too heavy"; "" where the word begins with none.

    It goes by the spelling alone (聊 of 无聊): whether the rest means anything is for the caller to find out.
    """
    text = form(said)
    found = _NOT_ZH.fullmatch(text) or _NOT_EN.fullmatch(text)
    return found[1] if found else ""


def is_filler(text: str) -> bool:
    """Whether a form says nothing by itself: "some good books", "故事"."""
    return text in _ZH_AFTER or all(word in _AFTER or word in _BEFORE for word in text.split())


def split_format(said: str) -> tuple[str, str | None]:
    """A title without the word for its format, and that format: "三体广播剧" is ("三体", "radio_drama")."""
    bare = _COVER.sub("", said).strip()
    text = bare.casefold()
    for kind, words in _FORMATS.items():
        for word in words:
            if text.endswith(word) and len(text) > len(word) + 1:
                return bare[: -len(word)].strip(" 的"), kind
    return bare, None
