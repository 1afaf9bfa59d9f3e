"""Names of languages: ISO 639 codes to words of the reader."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale, UnknownLocaleError

LANGUAGE_CODE = r"^[a-z]{2,3}$"
"""ISO 639, two letters where there are two."""


def language_name(code: str, reader: str) -> str:
    """The name of a language in the reader's language ("de", "zh" -> "德语"); the code itself where none is known."""
    try:
        return Locale.parse(reader).languages.get(code, code)
    except (UnknownLocaleError, ValueError):
        return code


@cache
def codes_by_name() -> dict[str, str]:
    """Names of languages in English and Chinese, in lower case, with their two-letter codes."""
    found = {
        name.lower(): code
        for reader in ("en", "zh")
        for code, name in Locale(reader).languages.items()
        if len(code) == 2 and (reader == "zh" or re.fullmatch(r"[^\W\d_]+", name))
    }
    return {**found, "mandarin": "zh", "cantonese": "zh", "普通话": "zh", "国语": "zh", "粤语": "zh", "华语": "zh"}
