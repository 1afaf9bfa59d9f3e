"""Names of languages: ISO 639 codes to words of the reader."""

from __future__ import annotations

import re
from functools import cache

from babel import Locale, UnknownLocaleError

LANGUAGE_CODE = r"^[a-z]{2,3}$"
"""ISO 639, two letters where there are two."""
_WRITTEN = (
    "英|日|法|德|韩|俄|泰|藏|梵|拉丁|希腊|阿拉伯|西班牙|葡萄牙|意大利|荷兰|瑞典|挪威|丹麦|芬兰|波兰|捷克|匈牙利|"
    "土耳其|乌克兰|越南|缅甸|马来|蒙古|希伯来|印地"
).split("|")
"""Languages that are also called by their writing: 英文 as well as 英语."""
_CHINESE = ("mandarin", "cantonese", "putonghua") + tuple(
    "普通话|国语|汉语|华语|华文|中国话|粤语|广东话|闽南语".split("|")
)


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
    written = {f"{stem}文": found[f"{stem}语"] for stem in _WRITTEN}
    return {**found, **written, **dict.fromkeys(_CHINESE, "zh")}
