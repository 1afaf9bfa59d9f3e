"""Names of languages: ISO 639 codes to words of the reader."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError

LANGUAGE_CODE = r"^[a-z]{2,3}$"
"""ISO 639, two letters where there are two."""


def language_name(code: str, reader: str) -> str:
    """The name of a language in the reader's language ("de", "zh" -> "德语"); the code itself where none is known."""
    try:
        return Locale.parse(reader).languages.get(code, code)
    except (UnknownLocaleError, ValueError):
        return code
