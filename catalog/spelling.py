"""When two spellings are the same name: case, width, accents, script, articles, plurals and figures are put aside."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

_TRADITIONAL = Path(__file__).parent / "traditional.txt"
_GAP = re.compile(r"[^\w]+|_+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_GAP = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")
_EDGE = re.compile(r"(?<=[\u3400-\u9fff])(?=[a-z])|(?<=[a-z])(?=[\u3400-\u9fff])")
_AND = re.compile(r"\s*[&+]\s*|\s+n'\s+")
_FIGURE = re.compile(r"(?<!\w)\d{1,4}(?!\w)")
_ARTICLES = ("the ", "a ", "an ")
_LATIN, _DIGIT = re.compile(r"[a-z]"), re.compile(r"[0-9]")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")
_KEEP_ES = frozenset({"series", "movies", "cookies", "zombies", "selfies", "indies", "genies", "pixies", "news"})

_BETWEEN = re.compile(r"\s*(?:,|，|、|;|；|&|/|\band\b|\bwith\b|\bafter\b|\btranslated by\b|与)\s*")
_ASIDE = re.compile(r"\s*[（(]([^（()）]*)[)）]\s*")
_ORIGINAL = re.compile(r"^原著\s*")
_ROLE = re.compile(r"\s+(?:口述|记|编剧|创演|主演|原著|制作|主编|等|编)$")
_NOBODY = frozenset({"others", "company", "various", "anonymous", "佚名", "jr", "jr."})

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


@lru_cache(maxsize=1)
def simplified() -> dict[int, str]:
    """Traditional to simplified characters, for `str.translate`."""
    _, traditional, simple = _TRADITIONAL.read_text(encoding="utf-8").split("\n")[:3]
    return {ord(old): new for old, new in zip(traditional, simple, strict=True)}


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """Lower case, no accents, words parted by one space, Chinese simplified and run together."""
    if not text.isascii():
        text = _bare(text)
    text = text.lower()
    if "&" in text or "+" in text or " n' " in text:
        text = _AND.sub(" and ", text)
    spaced = _GAP.sub(" ", text.replace("'", "").replace("%", " percent ")).strip()
    return spaced if spaced.isascii() else _HAN_GAP.sub("", spaced)


def _bare(text: str) -> str:
    """Plain width, no accents, simplified characters, straight quotes."""
    text = unicodedata.normalize("NFKC", text).translate(simplified()).casefold().replace("’", "'")
    letters = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join([c for c in letters if not unicodedata.combining(c)]))


@lru_cache(maxsize=65_536)
def form(text: str) -> str:
    """The plain text, no article, words in the singular, figures as words: "The 3 Mysteries" is "three mystery"."""
    text = plain(text)
    for article in _ARTICLES:
        if text.startswith(article):
            text = text[len(article) :]
            break
    if not text.isascii() and _LATIN.search(text):
        text = _EDGE.sub(" ", text)
    if _DIGIT.search(text):
        text = _FIGURE.sub(lambda figure: spoken(int(figure[0])), text)
    return " ".join([singular(word) for word in text.split()])


def spoken(number: int) -> str:
    """A number below 10,000 as it is read aloud, years in pairs: 1984 is "nineteen eighty four"."""
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens - 2] + (f" {ONES[ones]}" if ones else "")
    high, low = divmod(number, 100)
    if high % 10 and number >= 1000 and low:
        return f"{spoken(high)} {spoken(low) if low > 9 else 'oh ' + ONES[low]}"
    return str(number)


@lru_cache(maxsize=65_536)
def singular(word: str) -> str:
    """An English word without its plural ending; other words as they are."""
    if len(word) < 4 or word in _KEEP_ES or word.endswith(("ss", "us", "is")) or not word.isascii():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


@lru_cache(maxsize=65_536)
def stem(text: str) -> str:
    """The form with English verb endings off, for words of feeling and doing: "running" and "runs" are "run"."""
    return " ".join(_word_stem(word) for word in form(text).split())


def _word_stem(word: str) -> str:
    if not word.isascii():
        return word
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            return _DOUBLED.sub(r"\1", word)
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def is_chinese(text: str) -> bool:
    """Whether any character of the text is Chinese."""
    return _HAN.search(text) is not None


def contains(whole: str, part: str) -> bool:
    """Whether one form holds the other: as whole words in English; in Chinese two characters or more, or all of it."""
    if not part:
        return False
    if is_chinese(part):
        return part == whole or (len(part) > 1 and part in whole)
    return f" {part} " in f" {whole} "


@lru_cache(maxsize=65_536)
def people_in(names: str) -> tuple[str, ...]:
    """The whole line and the single people on it: "Al Murray and James Holland" gives three names."""
    originals = [_ORIGINAL.sub("", aside) for aside in _ASIDE.findall(names) if _ORIGINAL.match(aside)]
    bare = _ASIDE.sub(" ", names)
    parts = [_ROLE.sub("", part.strip()) for part in _BETWEEN.split(bare)]
    wanted = [part for part in (*parts, *originals) if part and part.casefold() not in _NOBODY]
    return tuple(dict.fromkeys([names, *wanted]))


def wrote_original(names: str) -> str | None:
    """Who on a line wrote what a drama was made from: "猫耳FM（原著 巫哲）", "汤显祖 原著，白先勇 制作"."""
    if "原著" not in names:
        return None
    people = ((who, re.escape(who)) for who in people_in(names)[1:])
    return next((who for who, name in people if re.search(rf"原著\s*{name}|{name}\s*原著", names)), None)
