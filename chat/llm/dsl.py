"""The little language that the decoder speaks, and the automaton that keeps it valid.

A reading is a sequence of calls: a tool token, its required values in contract order, then marked optional values.
A name is copied: a start and an end pointer (positions of the encoder's tokens), further pieces after `+`.
`Grammar` yields the tokens allowed next and builds the calls while they are written; `encode` is its inverse.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple

from chat.llm.context import Layout
from chat.llm.schema import BY_NAME, RATING, TOOLS, Arg, Tool

MAX_POINTERS = 160
MAX_ITEMS = 20
MAX_CALLS = 10
MAX_SPAN = 24
MAX_PIECES = 3
MAX_COMPARED = 6
MAX_MINUTES = 20_000
MAX_COUNT = 50
MAX_NAME = 120
_NUMBERS = sorted({v for t in TOOLS for a in t.args if a.kind == "number" for v in a.values})
_CHOICES = sorted({v for t in TOOLS for a in t.args if a.kind == "choice" for v in a.values})
_OPTIONAL = sorted({a.name for t in TOOLS for a in t.args if not a.required})
PIECES: tuple[str, ...] = (
    "<unk>",
    "<s>",
    "</s>",
    "+",
    "min",
    "hour",
    *(f"d{n}" for n in range(10)),
    *(f"<{t.name}>" for t in TOOLS),
    *(f"@{name}" for name in _OPTIONAL),
    *(f"={value}" for value in _CHOICES),
    *(f"n{value:+g}" for value in _NUMBERS),
    "#last",
    "#this",
    *(f"#{n}" for n in range(1, MAX_ITEMS + 1)),
    *(f"<p{n}>" for n in range(MAX_POINTERS)),
)
ID = {piece: number for number, piece in enumerate(PIECES)}
BOS, EOS, PLUS = ID["<s>"], ID["</s>"], ID["+"]
POINTER0 = ID["<p0>"]
FIRST_TOOL = ID[f"<{TOOLS[0].name}>"]
_NO_EDGE = frozenset(',，。、；;：:？?！~～…《》“”‘’（）()|"')
_ARTICLE = re.compile(r"^(?:an?|the) (?=\S)")

Walk = Generator[list[int], int, Any]


class Source(NamedTuple):
    """What a reading may copy from: the input text, its tokens' character offsets, their ranges, the list's size.

    `ranges[j]` numbers the copyable range that token j lies in, −1 for none.
    """

    text: str
    offsets: Sequence[tuple[int, int]]
    ranges: Sequence[int]
    shown: int

    @classmethod
    def of(cls, layout: Layout, offsets: Sequence[tuple[int, int]], shown: int) -> Source:
        """Numbers the range of each token; tokens past the pointers cannot be copied."""
        ranges = []
        for at, (start, end) in enumerate(offsets):
            inside = [n for n, (low, high) in enumerate(layout.ranges) if low <= start < end <= high]
            ranges.append(inside[0] if inside and at < MAX_POINTERS else -1)
        return cls(layout.text, offsets, ranges, min(shown, MAX_ITEMS))

    def starts(self) -> list[int]:
        """Tokens that a name may begin with: copyable, no closing mark, not inside a word."""
        return [at for at in range(len(self.ranges)) if self.may_start(at)]

    def may_start(self, at: int) -> bool:
        """Whether a name may begin with token `at`."""
        return self.ranges[at] >= 0 and self._text(at) not in _NO_EDGE and not self._goes_on(at)

    def ends(self, start: int) -> list[int]:
        """Tokens that a name from `start` may end with: in the same range, no dangling mark, whole words. Not empty."""
        found, at = [], start
        while at < min(start + MAX_SPAN, len(self.ranges)) and self.ranges[at] == self.ranges[start]:
            if self._text(at) not in _NO_EDGE and not self._goes_on(at + 1):
                found.append(at)
            at += 1
        return found or [start]

    def _text(self, at: int) -> str:
        return self.text[self.offsets[at][0] : self.offsets[at][1]]

    def _goes_on(self, at: int) -> bool:
        """Whether token `at` continues the word of the token before it."""
        if not 0 < at < len(self.ranges) or self.ranges[at] < 0 or self.ranges[at] != self.ranges[at - 1]:
            return False
        before, after = self._text(at - 1), self._text(at)
        return (
            self.offsets[at][0] == self.offsets[at - 1][1]
            and before[-1:].isascii()
            and after[:1].isascii()
            and before[-1:].isalnum()
            and after[:1].isalnum()
        )


class Grammar:
    """Walks one reading token by token. `allowed` is never empty until `done`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.done = False
        self.tool = 0
        """Number of the tool whose call is being written."""
        self.called: set[int] = set()
        """Numbers of the tools called so far, that one too."""
        self.start: int | None = None
        """First token of the name whose last one comes next."""
        self._starts = [POINTER0 + at for at in source.starts()]
        self._items = [ID["#last"], ID["#this"], *(ID[f"#{n}"] for n in range(1, source.shown + 1)), *self._starts]
        self._tools = [ID[f"<{t.name}>"] for t in TOOLS if self._startable(t)]
        self._walk = self._reading()
        self.allowed = next(self._walk)

    def push(self, token: int) -> None:
        """Takes the next token. Raises ValueError for one that is not allowed here."""
        if self.done or token not in self.allowed:
            raise ValueError(f"token {token} is not allowed here")
        try:
            self.allowed = self._walk.send(token)
        except StopIteration:
            self.allowed, self.done = [], True

    def _startable(self, tool: Tool) -> bool:
        return all(self._first(arg) for arg in tool.args if arg.required)

    def _reading(self) -> Walk:
        token = yield [*self._tools, EOS]
        while token != EOS:
            last = len(self.calls) + 1 >= MAX_CALLS
            token = yield from self._call(BY_NAME[PIECES[token][1:-1]], [EOS] if last else [*self._tools, EOS])

    def _call(self, tool: Tool, after: list[int]) -> Walk:
        args: dict[str, Any] = {}
        self.tool = TOOLS.index(tool)
        self.called.add(self.tool)
        required = [arg for arg in tool.args if arg.required]
        optional = [arg for arg in tool.args if not arg.required and self._first(arg)]

        def follow(taken: int) -> list[int]:
            if tool.least_one and not args:
                return [ID[f"@{arg.name}"] for arg in optional if arg.name != "duration"]
            rest = [arg for arg in optional[taken:] if not (arg.kind == "minutes" and "length" in args)]
            return [*(ID[f"@{arg.name}"] for arg in rest), *after]

        token = yield self._first(required[0]) if required else follow(0)
        while required:
            arg = required.pop(0)
            if arg.name == "signal" and PIECES[token] == "=rating":
                required.append(RATING)
            if arg.name == "kind" and PIECES[token] == "=item":
                required[0] = Arg("name", "item")
            args[arg.name], token = yield from self._value(
                arg, token, self._first(required[0]) if required else follow(0)
            )
        while (piece := PIECES[token]).startswith("@"):
            at = next(n for n, arg in enumerate(optional) if arg.name == piece[1:])
            token = yield self._first(optional[at])
            args[optional[at].name] = None
            value, token = yield from self._value(optional[at], token, follow(at + 1))
            args[optional[at].name] = value
        low, high = args.get("min_minutes"), args.get("max_minutes")
        if low is not None and high is not None and low > high:
            args["min_minutes"], args["max_minutes"] = high, low
        self.calls.append((tool.name, args))
        return token

    def _first(self, arg: Arg) -> list[int]:
        if arg.kind == "text":
            return self._starts
        if arg.kind in ("item", "items"):
            return self._items
        if arg.kind == "choice":
            return [ID[f"={value}"] for value in arg.values]
        if arg.kind == "number":
            return [ID[f"n{value:+g}"] for value in arg.values]
        return [ID[f"d{n}"] for n in range(1, 6 if arg.kind == "rating" else 10)]

    def _value(self, arg: Arg, token: int, follow: list[int]) -> Walk:
        """Reads the value that starts with `token`; returns it and the token after it."""
        if arg.kind == "text":
            return (yield from self._span(token, follow))
        if arg.kind == "item":
            return (yield from self._item(token, follow))
        if arg.kind == "items":
            return (yield from self._compared(token, follow))
        if arg.kind == "choice":
            return PIECES[token][1:], (yield follow)
        if arg.kind == "number":
            return float(PIECES[token][1:]), (yield follow)
        if arg.kind == "rating":
            return int(PIECES[token][1:]), (yield follow)
        return (yield from self._whole(arg, token, follow))

    def _compared(self, token: int, follow: list[int]) -> Walk:
        """Two items or more; none begins where an earlier one does, for an item is not compared with itself."""
        items: list[str] = []
        left = list(self._items)
        while token in left and len(items) < MAX_COMPARED:
            left.remove(token)
            after = left if not items else [*left, *follow] if len(items) < MAX_COMPARED - 1 else follow
            item, token = yield from self._item(token, after)
            items.append(item)
        return items, token

    def _whole(self, arg: Arg, token: int, follow: list[int]) -> Walk:
        digits = [ID[f"d{n}"] for n in range(10)]
        units = [ID["min"], ID["hour"]] if arg.kind == "minutes" else follow
        length = 5 if arg.kind == "minutes" else 2
        text = PIECES[token][1:]
        while (token := (yield [*(digits if len(text) < length else []), *units])) in digits:
            text += PIECES[token][1:]
        if arg.kind == "count":
            return min(int(text), MAX_COUNT), token
        value = int(text) * (60 if PIECES[token] == "hour" else 1)
        return min(value, MAX_MINUTES), (yield follow)

    def _item(self, token: int, follow: list[int]) -> Walk:
        if PIECES[token].startswith("#"):
            return PIECES[token][1:], (yield follow)
        return (yield from self._span(token, follow))

    def _span(self, token: int, follow: list[int]) -> Walk:
        pieces: list[str] = []
        while True:
            self.start = start = token - POINTER0
            end = (yield [POINTER0 + at for at in self.source.ends(start)]) - POINTER0
            self.start = None
            pieces.append(self.source.text[self.source.offsets[start][0] : self.source.offsets[end][1]])
            token = yield follow if len(pieces) >= MAX_PIECES else [PLUS, *follow]
            if token != PLUS:
                name = " ".join(pieces)
                return _ARTICLE.sub("", name)[:MAX_NAME].strip() or name[:MAX_NAME], token
            token = yield self._starts


def decode(tokens: Iterable[int], source: Source) -> list[tuple[str, dict[str, Any]]]:
    """The calls that `tokens` (with their end token) spell. Raises ValueError for an invalid sequence."""
    grammar = Grammar(source)
    for token in tokens:
        grammar.push(token)
    if not grammar.done:
        raise ValueError("the reading is not complete")
    return grammar.calls


def encode(calls: Sequence[tuple[str, dict[str, Any]]], source: Source) -> list[int]:
    """Tokens of a reading, end token included. Raises ValueError for a name that is no span of the input, and for more
    calls than a reading may have: to cut them would teach to stop early."""
    if len(calls) > MAX_CALLS:
        raise ValueError(f"{len(calls)} calls; a reading has at most {MAX_CALLS}")
    tokens: list[int] = []
    for name, args in calls:
        tokens.append(ID[f"<{name}>"])
        for arg in BY_NAME[name].args:
            if arg.name not in args:
                continue
            if not arg.required:
                tokens.append(ID[f"@{arg.name}"])
            kind = "item" if arg.name == "name" and args.get("kind") == "item" else arg.kind
            tokens += _encode_value(arg._replace(kind=kind), args[arg.name], source)
        if "rating" in args:
            tokens.append(ID[f"d{args['rating']}"])
    return [*tokens, EOS]


def _encode_value(arg: Arg, value: Any, source: Source) -> list[int]:
    if arg.kind == "text":
        return _encode_span(value, source)
    if arg.kind in ("item", "items"):
        tokens = []
        for item in [value] if arg.kind == "item" else value:
            tokens += [ID[f"#{item}"]] if f"#{item}" in ID else _encode_span(item, source)
        return tokens
    if arg.kind == "choice":
        return [ID[f"={value}"]]
    if arg.kind == "number":
        return [ID[f"n{min(arg.values, key=lambda v: abs(v - value)):+g}"]]
    if arg.kind == "minutes" and value % 60 == 0:
        return [*(ID[f"d{digit}"] for digit in str(value // 60)), ID["hour"]]
    unit = [ID["min"]] if arg.kind == "minutes" else []
    return [*(ID[f"d{digit}"] for digit in str(value)), *unit]


def _encode_span(name: str, source: Source) -> list[int]:
    whole = _find(name, source, 0)
    if whole:
        return [POINTER0 + whole[0], POINTER0 + whole[1]]
    tokens: list[int] = []
    words, at = name.split(), 0
    while words:
        for size in range(len(words), 0, -1):
            found = _find(" ".join(words[:size]), source, at) or _find(" ".join(words[:size]), source, 0)
            if found:
                break
        else:
            raise ValueError(f"{name!r} is no span of {source.text!r}")
        tokens += [*([PLUS] if tokens else []), POINTER0 + found[0], POINTER0 + found[1]]
        at, words = found[1] + 1, words[size:]
    if not tokens or len(tokens) > 3 * MAX_PIECES - 1:
        raise ValueError(f"{name!r} has too many pieces")
    return tokens


def _find(text: str, source: Source, at: int) -> tuple[int, int] | None:
    """First and last token of the first place, from token `at` on, where `text` stands in one range."""
    wanted = text.lower()
    haystack = source.text.lower()
    for start in range(at, len(source.offsets)):
        if source.ranges[start] < 0 or not haystack.startswith(wanted, low := source.offsets[start][0]):
            continue
        if not source.may_start(start):
            continue
        for end in source.ends(start):
            if source.offsets[end][1] == low + len(wanted):
                return start, end
    return None
