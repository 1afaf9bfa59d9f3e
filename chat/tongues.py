"""Languages that people ask for and nothing here is in: "in German please" must not become Chinese.

The contract knows English, Chinese and any. Where an utterance asks for another language and for neither of these, what
was read as a choice between them becomes a search for the language's name, so that the listener is told the truth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from catalog.languages import codes_by_name
from chat.llm.understanding import Call

_HERE = frozenset({"en", "zh"})
_LETTER = r"[a-zà-ɏ]"
"""A Latin letter; Chinese ones stand next to a word of another script: "English的"."""
_NEVER = "|".join(f"(?<![要{verb}])不{verb}" for verb in "要想听爱用会看放说能来带懂")
"""不要, 不听 …; 要不要 and 听不听 ask, and 要不来点 proposes."""
_BEFORE = (
    rf"(?<!{_LETTER})(?:(?<!why )not|no(?! in\b)|non|never|nothing|without|avoid|skip|stop|drop|hate|except|excluding|"
    r"(?:do|does|did|ca|wo)n['’]?t|cannot|enough|instead of|rather than|other than|apart from|(?:tired|sick) of|"
    r"(?:any\w*|every\w*|all|languages?) but|my)(?: (?:in|any|anything|something|more|the|those|these|that|all|so|too|"
    r"much|a|to|want|like|need|listen|hear|speak|understand|play|follow|stand|give|me|it|of|from|really)){0,5} |"
    rf"(?:{_NEVER}|不喜欢|不需要|不接受|只要不是|(?<!特)别(?!的)|除了(?!.*[也还])|讨厌|拒绝|屏蔽|避开|去掉|"
    r"受不了|听不懂|听不了|受够了?|听[腻够]了?)[再给我们听放播看说讲来推荐有用到任何些那这种见太多喜欢老总是]{0,6}"
)
"""What refuses the language that follows, up to its name; "my German" is what somebody knows, and no wish."""
_AFTER = (
    r"(?: (?:audio|ones?|books?|stuff|narration|originals?|version))?(?: (?:is|are|sounds?)|['’]s)(?: \w+)? "
    r"(?:too|hard|difficult|impossible|beyond|out)\b| isn['’]?t\b| (?:excluded|aside)\b|"
    r"[的书节目小说有声播客原版音我都真是还也实在对来讲]{0,8}"
    r"(?:(?:太[难快差烂累]|受不了|听不[懂了]|[看跟]不[懂上]|不[好懂]|听[腻够]|除外|算了|免了)|"
    r"(?:不[要听行会]|不想[要听]|别[要听放])[了的啦吧呢啊]*(?=$|[^\w\s]))"
)
"""What refuses the language before it, from the end of its name on."""
_NO_TEXT = r"(?<!文)|(?!化|明|章|艺|献|物|学(?!习))"
"""希腊文化 is no Greek."""


def corrected(calls: Sequence[Call], utterance: str) -> tuple[Call, ...]:
    """The calls, a language that was not asked for replaced by a search for the one that was.

    Any language is no such choice and stays.
    """
    if not any(_chooses(call) for call in calls):
        return tuple(calls)
    wanted = _wanted(utterance)
    if not wanted or any(code in _HERE for code, _ in wanted):
        return tuple(calls)
    search = Call(name="search_catalog", args={"query": wanted[0][1]})
    kept = [call for call in calls if not _chooses(call)]
    return (*kept, *([] if any(call.name == "search_catalog" for call in kept) else [search]))


def _chooses(call: Call) -> bool:
    """Whether a call chooses one of the languages that are here."""
    return call.name == "set_language" and call.args.get("language") in _HERE


def _wanted(utterance: str) -> list[tuple[str, str]]:
    """The languages that are named and not refused, in order: code, and the name as it was said."""
    codes = codes_by_name()
    return [
        (codes[name.lower()], name)
        for found in _mentions().finditer(" ".join(utterance.split()))
        if found["before"] is None and found["after"] is None
        for name in re.findall(_name(), found["names"], re.IGNORECASE)
        if name.lower() in codes  # "İ" matches "i" and is not its upper case
    ]


@cache
def _mentions() -> re.Pattern[str]:
    """Names of languages that are wanted or refused together, with the words around them that refuse them.

    Words between two names refuse the second one: "德语听不懂英语" wants German.
    """
    names = rf"{_name()}(?:(?: (?:or|nor|and) |[、和或跟与及]|或者){_name()})*"
    return re.compile(rf"(?P<before>{_BEFORE})?(?P<names>{names})(?P<after>(?:{_AFTER})(?!{_name()}))?", re.IGNORECASE)


@cache
def _name() -> str:
    """Any name of a language: in Latin letters as a whole word, in Chinese anywhere; the longer name first."""
    names = sorted(codes_by_name(), key=len, reverse=True)
    latin = "|".join(re.escape(name) for name in names if name.isascii())
    others = "|".join(re.escape(name) for name in names if not name.isascii())
    return rf"(?:(?<!{_LETTER})(?:{latin})(?!{_LETTER})|(?<![今每昨])(?:{others})(?:{_NO_TEXT}))"
