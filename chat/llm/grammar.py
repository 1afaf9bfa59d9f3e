"""Tool schemas as one GBNF grammar, so that a language model can only write calls that validate.

`root ::= text | calls`, the calls in Hermes syntax: `<tool_call>` {"name": …, "arguments": {…}} `</tool_call>`, one or
more. Numbers with bounds become a list of values, strings have a longest length, and nothing repeats without end.
What no grammar can hold (two arguments that exclude each other) stays with the tool's own validation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import llama_cpp

OPEN, CLOSE = "<tool_call>", "</tool_call>"
MAX_CALLS = 6
MAX_STRING = 120
MAX_ITEMS = 8
STEP = 0.05
MOST_VALUES = 200

Schema = Mapping[str, Any]

_CHAR = r'[^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])'
_INTEGER = '"-"? ("0" | [1-9] [0-9]{0,8})'
_NUMBER = f'{_INTEGER} ("." [0-9]{{1,4}})?'
_SIMPLE: dict[str | None, str] = {
    "boolean": '"true" | "false"',
    "null": '"null"',
    None: f'"\\"" char{{0,{MAX_STRING}}} "\\"" | {_NUMBER} | "true" | "false"',
}


class GrammarError(ValueError):
    """A schema that no grammar can be made of, or a grammar that llama.cpp refuses."""


def tool_grammar(tools: Sequence[Schema], choice: str = "auto", max_calls: int = MAX_CALLS) -> str:
    """GBNF for an answer with `tools` (OpenAI format).

    `choice`: "auto" (text or calls), "any" (calls only) or the name of the one tool to call.
    Raises GrammarError for an unknown name, no tools, or a schema that cannot be written.
    """
    return _tool_grammar(json.dumps([tool["function"] for tool in tools], sort_keys=False), choice, max_calls)


def check_grammar(vocab: Any, text: str) -> None:
    """Raises GrammarError where llama.cpp refuses `text`: sampling with such a grammar would crash the process."""
    # llama.cpp takes an empty text for "no grammar": it would let everything through.
    sampler = text.strip() and llama_cpp.llama_sampler_init_grammar(vocab, text.encode("utf-8"), b"root")
    if not sampler:
        raise GrammarError(f"llama.cpp refuses this grammar of {len(text)} characters; it starts {text[:200]!r}")
    llama_cpp.llama_sampler_free(sampler)


@lru_cache(maxsize=32)
def _tool_grammar(tools_json: str, choice: str, max_calls: int) -> str:
    functions = json.loads(tools_json)
    chosen = [f for f in functions if choice in ("auto", "any", f["name"])]
    if not chosen:
        names = ", ".join(f["name"] for f in functions) or "no tool"
        raise GrammarError(f'tool choice {choice!r} is none of {names}. Choose one of them, "auto" or "any".')
    rules = Rules()
    calls = [
        f'{literal(_head(f["name"]))} {rules.of(f.get("parameters") or {"type": "object"}, {})} "}}"' for f in chosen
    ]
    rules.named["call"] = " | ".join(calls)
    rules.named["one"] = f"{literal(OPEN + chr(10))} call {literal(chr(10) + CLOSE)}"
    rules.named["calls"] = f'one ("\\n" one){{0,{max_calls - 1}}}' if max_calls > 1 else "one"
    rules.named["text"] = '[^<] ([^<] | "<" [^t])*'
    rules.named["root"] = "calls | text" if choice == "auto" else "calls"
    return rules.text()


def _head(name: str) -> str:
    return f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": '


def literal(text: str) -> str:
    """`text` as a GBNF literal. An unescaped quote or backslash would make the grammar invalid."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


class Rules:
    """Writes the rules of JSON schemas; equal rules share one name."""

    def __init__(self) -> None:
        self.named: dict[str, str] = {"char": _CHAR}
        self._refs: dict[str, str] = {}

    def text(self) -> str:
        """The grammar, one rule a line."""
        return "\n".join(f"{name} ::= {body}" for name, body in self.named.items()) + "\n"

    def of(self, schema: Schema, defs: Schema) -> str:
        """The name of a rule for the JSON values that `schema` allows. Raises GrammarError."""
        defs = {**defs, **schema.get("$defs", {}), **schema.get("definitions", {})}
        if "$ref" in schema:
            return self._ref(schema["$ref"], defs)
        if "const" in schema:
            return self._add(_json(schema["const"]))
        if "enum" in schema:
            return self._add(" | ".join(_json(value) for value in schema["enum"]))
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._add(" | ".join(self.of(option, defs) for option in schema[key]))
        if len(schema.get("allOf", ())) == 1:
            return self.of(schema["allOf"][0], defs)
        return self._typed(schema, defs)

    def _typed(self, schema: Schema, defs: Schema) -> str:
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return self._add(" | ".join(self.of({**schema, "type": one}, defs) for one in kind))
        if kind == "object":
            return self._add(self._object(schema, defs))
        if kind == "array":
            return self._add(self._array(schema, defs))
        if kind == "string":
            return self._add(_string(schema))
        if kind in ("number", "integer"):
            return self._add(_number(schema, whole=kind == "integer"))
        if kind not in _SIMPLE:
            raise GrammarError(f"schema type {kind!r} is unknown. Use object, array, string, number, integer, boolean.")
        return self._add(_SIMPLE[kind])

    def _object(self, schema: Schema, defs: Schema) -> str:
        """Required members in order, then the optional ones in order, each at most once."""
        needed = set(schema.get("required", ()))
        members = {
            name: f"{_key(name)} {self.of(_visible(value, name in needed), defs)}"
            for name, value in schema.get("properties", {}).items()
        }
        if unknown := needed - members.keys():
            raise GrammarError(f"required {sorted(unknown)} are not among the properties {sorted(members)}")
        first = [member for name, member in members.items() if name in needed]
        rest = [member for name, member in members.items() if name not in needed]
        if first:
            body = ' ", " '.join(first) + "".join(f' (", " {member})?' for member in rest)
            return f'"{{" {body} "}}"'
        starts = [member + "".join(f' (", " {later})?' for later in rest[at + 1 :]) for at, member in enumerate(rest)]
        some = " | ".join(starts)
        optional = "" if schema.get("minProperties") else "?"
        return f'"{{" ({some}){optional} "}}"' if starts else '"{}"'

    def _array(self, schema: Schema, defs: Schema) -> str:
        item = self.of(schema.get("items") or {}, defs)
        least = int(schema.get("minItems", 0))
        most = max(least, min(int(schema.get("maxItems", MAX_ITEMS)), max(MAX_ITEMS, least)))
        if most == 0:
            return '"[]"'
        body = item if most == 1 else f'{item} (", " {item}){{{max(0, least - 1)},{most - 1}}}'
        return f'"[" {body} "]"' if least else f'"[" ({body})? "]"'

    def _ref(self, ref: str, defs: Schema) -> str:
        """A rule may mention itself: its name is known before its body."""
        name = ref.rsplit("/", 1)[-1]
        if name not in defs:
            raise GrammarError(f"{ref!r} points nowhere; known: {sorted(defs)}")
        key = f"{name}\0{json.dumps(defs[name], sort_keys=True)}"
        if key not in self._refs:
            self._refs[key] = f"ref{len(self._refs)}"
            self.named[self._refs[key]] = self.of(defs[name], defs)
        return self._refs[key]

    def _add(self, body: str) -> str:
        for name, known in self.named.items():
            if known == body:
                return name
        name = f"r{len(self.named)}"
        self.named[name] = body
        return name


def _visible(schema: Schema, needed: bool) -> Schema:
    """A required text is not left empty, also where its schema forgets to say so."""
    text = needed and schema.get("type") == "string" and "enum" not in schema and "const" not in schema
    return {"minLength": 1, **schema} if text else schema


def _key(name: str) -> str:
    return literal(json.dumps(name, ensure_ascii=False) + ": ")


def _json(value: Any) -> str:
    return literal(json.dumps(value, ensure_ascii=False))


def _string(schema: Schema) -> str:
    least = min(int(schema.get("minLength", 0)), MAX_STRING)
    most = max(least, min(int(schema.get("maxLength", MAX_STRING)), MAX_STRING))
    if least == 0:
        return f'"\\"" char{{0,{most}}} "\\""'
    # The first character is visible: a required text of spaces alone would be refused by the tool.
    more = f" char{{{least - 1},{most - 1}}}" if most > 1 else ""
    return f'"\\"" [^"\\\\\\x7F\\x00-\\x20]{more} "\\""'


def _number(schema: Schema, *, whole: bool) -> str:
    """A bounded number is one of a list; an integer with a far upper bound has no more digits than that."""
    low = _bound(schema, "minimum", whole, 1)
    high = _bound(schema, "maximum", whole, -1)
    if low is not None and high is not None:
        if low > high:
            raise GrammarError(f"no number lies in {low:g} … {high:g}")
        count = round((high - low) / (1 if whole else STEP))
        if count <= MOST_VALUES:
            return " | ".join(literal(value) for value in _grid(low, high, count, whole))
    if whole and high is not None and high >= 10 and low in (None, 0, 1):
        return _far_integer(int(high), zero=low != 1)
    body = '("0" | [1-9] [0-9]{0,8})' + ("" if whole else ' ("." [0-9]{1,4})?')
    return body if low is not None and low >= 0 else f'"-"? {body}'


def _far_integer(high: int, *, zero: bool) -> str:
    shorter = f"[1-9] [0-9]{{0,{len(str(high)) - 2}}} | {literal(str(high))}"
    return f'"0" | {shorter}' if zero else shorter


def _bound(schema: Schema, closed: str, whole: bool, inward: int) -> float | None:
    opened = f"exclusive{closed.capitalize()}"
    if closed in schema:
        return float(schema[closed])
    if opened in schema:
        return float(schema[opened]) + inward * (1 if whole else STEP)
    return None


def _grid(low: float, high: float, count: int, whole: bool) -> list[str]:
    if whole:
        return [str(int(low) + at) for at in range(count + 1)]
    values = {round(low + at * STEP, 4) for at in range(count + 1)} | {high}
    return [f"{value:g}" for value in sorted(value for value in values if value <= high)]
