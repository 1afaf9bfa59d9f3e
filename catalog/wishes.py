"""What is left of a request when the words of asking are put aside: "I want something about whales" is "whales"."""

from __future__ import annotations

import re

_ENGLISH = frozenset(
    "a about actually after all also am an and any anything are as at be been but by can could did do does else few "
    "find for from get give good got had has have hear her him his how i i'd i'll i'm i've if in into is it it's its "
    "just kind let like listen listening look looking lot love maybe me more my need of ok okay on one ones or other "
    "our out play please put recommend recommendation recommendations show so some somebody someone something sort "
    "stuff suggest such tell than that that's the their them then there these they thing things this those to today "
    "tonight too try up us want wanted was we were what what's where which who whose will with would you your".split()
)
_CHINESE = (
    "我想要听 我想要 我想听 我要听 我喜欢 我想 我要 想要听 想听听 想听 想要 要听 来一点 来一些 来点儿 来一个 "
    "来一部 来一本 来点 来个 来部 来本 给我 帮我 推荐 有没有 有什么 什么样 什么 有哪些 哪些 一些 一点儿 一点 一下 "
    "一个 一部 一本 有点 点儿 那种 这种 这类 那类 类似 关于 最近 今天 今晚 现在 听听 好听的 好听 播放 放点 搜索 "
    "搜一下 找一下 找点 找 请 的 了 吧 吗 呢 啊 呀 哦 嗯 想"
)
_ASKING = re.compile("|".join(sorted(_CHINESE.split(), key=len, reverse=True)))
_WORD = re.compile(r"\S+")
_EDGE = ".,;:!?\"'()[]，。；：！？、“”‘’（）《》「」…"


def core(text: str) -> str:
    """The content words of a request, in order; the whole request when it has none ("It", "You", "想")."""
    return _content(text) or " ".join(text.split())


def asks_only(text: str) -> bool:
    """Whether a text holds nothing but words of asking."""
    return not _content(text)


def _content(text: str) -> str:
    kept = [word for word in _WORD.findall(text) if word.strip(_EDGE).casefold().replace("’", "'") not in _ENGLISH]
    wish = " ".join(_ASKING.sub(" ", " ".join(kept)).split())
    return wish if wish.strip(_EDGE + " ") else ""
