"""When two spellings are the same name: case, width, accents, script, articles and plurals are put aside."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_GAP = re.compile(r"[^\w]+|_+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_GAP = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")
_AND = re.compile(r"\s*&\s*|\s+n'\s+")
_ARTICLES = ("the ", "a ", "an ")
_PEOPLE = re.compile(r"\s*(?:,|、|;|；|&|/|\band\b|\bwith\b|与)\s*")
_ASIDE = re.compile(r"\s*[（(][^（()）]*[)）]\s*")


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """Lower case, plain width, no accents, words parted by one space, Chinese run together: "Café—Noir" is "cafe noir"."""
    text = _AND.sub(" and ", unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))
    text = re.sub(r"(?<=\w)'(?=s\b)|'", "", text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _HAN_GAP.sub("", _GAP.sub(" ", unicodedata.normalize("NFC", bare)).strip())


@lru_cache(maxsize=65_536)
def form(text: str) -> str:
    """The plain text without a leading article and with every word in the singular: "The Mysteries" is "mystery"."""
    text = plain(text)
    for article in _ARTICLES:
        if text.startswith(article):
            text = text[len(article) :]
            break
    return " ".join(singular(word) for word in text.split())


def singular(word: str) -> str:
    """An English word without its plural ending; other words as they are."""
    if len(word) < 4 or word.endswith(("ss", "us", "is")) or not word.isascii():
        return word
    if word.endswith("ies") and word not in _IES:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


_IES = frozenset({"series", "movies", "cookies", "zombies", "cozies", "cosies", "selfies", "indies", "genies", "pixies"})


def is_chinese(text: str) -> bool:
    """Whether any character of the text is Chinese."""
    return _HAN.search(text) is not None


def contains(whole: str, part: str) -> bool:
    """Whether one form holds the other: as whole words in English, as characters (two or more) in Chinese."""
    if not part:
        return False
    if is_chinese(part):
        return len(part) > 1 and part in whole
    return f" {part} " in f" {whole} "


@lru_cache(maxsize=65_536)
def people_in(names: str) -> tuple[str, ...]:
    """The single people of an author or narrator line: "Al Murray and James Holland" are two."""
    parts = [part.strip() for part in _PEOPLE.split(_ASIDE.sub(" ", names)) if part.strip()]
    return tuple(dict.fromkeys([names, *parts])) if len(parts) > 1 or parts != [names] else (names,)
