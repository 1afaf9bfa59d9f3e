"""What somebody tells at length: the words themselves say more than the parameters and names that were read from them.

"An epic with politics and no magic, like the early Song of Ice and Fire" becomes a wish or two; the rest of it would be
lost. And "courtroom drama" is a wish for a shelf that may be empty. Such words therefore go with the request, less
what was rejected, and recall looks for their meaning too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog.catalogue import Catalogue
from catalog.search import Search
from catalog.wishes import asks_only, core
from chat.llm.lexicon import PEOPLE
from db.changes import Applied
from recommend.effects import TASTES
from recommend.pbox import Factor
from tools.items import is_place

REST = 2.0
"""Words that nothing read from an utterance accounts for, from which it tells more than its calls."""
LONG_NAME = 3.0
"""Words from which the name of a taste is itself a telling: "nineteenth century love stories" is more than romance."""
CHARACTERS_A_WORD = 1.8
TOPIC = 3.0
"""Words from which a query is a topic more than a name."""
FEW = 3
NEAR = 0.33
"""Search score from which words may be a wish for what was found: three of four wishes told at length reach it, one of
four remarks that wish for nothing."""
NAMED = PEOPLE | {"series", "item"}
"""Kinds of a name that is one thing's own, however long it is."""
LONGEST = 400
"""Characters that are looked for."""
WISHES = frozenset(
    {
        "update_interest_weight",
        "update_entity_weight",
        "update_mood_preference",
        "update_scene_preference",
        "search_catalog",
        "find_similar",
    }
)
_PLAIN = frozenset(
    "not no never nothing without less really much very bit little quite short shorter long longer finished complete "
    "completed ongoing free paid only new newer newest old older classic classics popular niche famous under over "
    "about around minutes minute min mins hour hours half english chinese again before while when during because and "
    "but something like similar same kind sort style spirit vein one ones author narrator series first second third "
    "fourth fifth sixth last other another others read narrated hosted written podcast podcasts audiobook audiobooks "
    "book books course courses episode episodes novel novels story stories show shows fine okay allowed except besides "
    "apart aside search".split()
)
_PLAIN_CHINESE = re.compile(
    r"第[\d一二三四五六七八九十两]+[个部本集篇]?|[这那][一]?[个部本些位]|有声书|有声小说|差不多|作者|演播|主播|别的|其他|其它|还有|"
    "播客|小说|节目|故事|课程|系列|书(?![\u3400-\u9fff])|可以|除了|除外|例外|之外|以外|但是|但|"
    "不要|不想|别给我|别|类似|像|一样|那样|那种|同类|完结|连载|免费|付费|热门|冷门|分钟|小时|左右|以内|适合|时候|路上|特别|非常|超级|短一点|长一点|"
    "[短长新老多少不太很最只也都和跟在要听讲]"
)
_STRENGTHS = ("weight_increase", "weight")
_UNDOING = "undo_last_change"
_WORD = re.compile(r"[A-Za-z0-9'’-]+")
_CHARACTER = re.compile(r"[\u3400-\u9fff]")
_WORD_OR_CHARACTER = re.compile(f"{_WORD.pattern}|{_CHARACTER.pattern}")


def telling(
    text: str, calls: Sequence[Mapping[str, Any]], *, bare: bool = False, kind: str | None = None
) -> str | None:
    """The part of an utterance to look for, None where its calls say it all.

    calls: what was read from it and done, each with name and args. bare: whether it wishes for something that hardly
    an item of the catalogue has. kind: what it names as a kind of thing ("radio dramas"), which finds itself.
    """
    if any(call["name"] == _UNDOING for call in calls):
        return None  # a correction also says what was not meant
    wishes = any(call["name"] in WISHES and not _rejected(call) for call in calls)
    topic = any(words_of(str(call["args"].get("query", ""))) >= TOPIC for call in calls)
    if not wishes or not (topic or bare or rest_of(_without(text, [kind] if kind else []), calls) >= REST):
        return None
    called = [name for call in calls for name in _proper(call)]
    left = _without(_without(text, filter(None, map(_rejected, calls))), called)
    said_all = not (topic or bare) and words_of(_content(left)) < REST
    if called and (said_all or not _content(left)):
        return None  # what is left are words around the names
    return " ".join(left.split())[:LONGEST] or None


def missed(text: str, search: Search) -> bool:
    """Whether words that were taken to wish for nothing may be a wish: the catalogue has something near them."""
    return words_of(text) >= TOPIC and near(text, search)


def near(text: str, search: Search) -> bool:
    """Whether the catalogue has something near these words."""
    hits = search.query(text[:LONGEST], 1)
    return bool(hits) and hits[0].score >= NEAR


def unheld(changes: Sequence[Applied], catalogue: Catalogue) -> bool:
    """Whether one of these changes wishes for something that fewer than FEW items have, and whose words say what it is.

    A thing's own name says nothing: what lies near the words of a person, a title or a series is by anybody.
    """
    wishes = [change for change in changes if change.factor in TASTES and (change.after or 0.0) > 0.0]
    things = [thing for thing in map(_thing, wishes) if thing[0] not in NAMED]
    return any(len(catalogue.rows_with(*thing)) < FEW for thing in things)


def _thing(change: Applied) -> tuple[str, str]:
    if change.factor == Factor.ENTITY:
        kind, _, name = change.key.partition(":")
        return kind, name
    return change.factor.value, change.key


def rest_of(text: str, calls: Sequence[Mapping[str, Any]]) -> float:
    """How many words of an utterance are neither a name that was read, nor words of asking and of plain parameters."""
    tastes = [name for name in map(_name, calls) if name and words_of(_unplain(name)) < LONG_NAME]
    called = [str(name) for call in calls for name in (call["args"].get("item"), *_proper(call)) if name]
    return words_of(_content(_without(text, [*tastes, *called])))


def words_of(text: str) -> float:
    """The length of a text in words, whatever it is written in."""
    return len(_WORD.findall(text)) + len(_CHARACTER.findall(text)) / CHARACTERS_A_WORD


def _content(text: str) -> str:
    """The words of a text that are neither of asking, nor pointing, nor of a format or a plain parameter."""
    return "" if asks_only(text) else _unplain(core(text))


def _unplain(text: str) -> str:
    left = _PLAIN_CHINESE.sub(" ", text)
    return " ".join(word for word in _WORD_OR_CHARACTER.findall(left) if word.lower() not in _PLAIN)


def _without(text: str, names: Iterable[str]) -> str:
    """A text without some names, the longest first: whole words in English, with the endings that a name may take."""
    for name in sorted(names, key=len, reverse=True):
        begins, ends = (r"(?<![A-Za-z0-9])" if name[:1].isascii() else "", r"(?:['’]?[a-z]{1,2})?(?![A-Za-z0-9])")
        pattern = begins + re.escape(name) + (ends if name[-1:].isascii() else "")
        text = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    return text


def _name(call: Mapping[str, Any]) -> str | None:
    """The name that a call carries, of a taste or an item; what is searched for is no name."""
    keys = ("name", "category", "mood", "scene", "item")
    return next((str(call["args"][key]) for key in keys if key in call["args"]), None)


def _proper(call: Mapping[str, Any]) -> list[str]:
    """The names of items, people and series in a call: they are looked up, and their words mean nothing beside it."""
    args = call["args"]
    several = args.get("items")
    said = [args.get("item"), *(several if isinstance(several, list) else [])]
    if args.get("kind") in NAMED:
        said.append(args.get("name"))
    return [str(name) for name in said if name and not is_place(str(name))]


def _rejected(call: Mapping[str, Any]) -> str | None:
    """The name that a call pushes away, None for one that wishes."""
    negative = any(_number(call["args"].get(key)) < 0.0 for key in _STRENGTHS)
    return _name(call) if call["name"] == "block_content" or negative else None


def _number(value: Any) -> float:
    """A strength as the tools take it: models also write it as a string, or as null."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
