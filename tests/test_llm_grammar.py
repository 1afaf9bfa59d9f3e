"""Rules of the tool grammar: llama.cpp takes it, odd names and enums do not break it, bounds are held."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from chat.llm.grammar import GrammarError, Rules, check_grammar, literal, tool_grammar
from chat.llm.sampler import GrammarLlama
from tests.tiny_gguf import write_model

ODD = 'say "hi" \\ back\nslash'


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrammarLlama]:
    path: Path = write_model(tmp_path_factory.mktemp("model") / "tiny.gguf")
    model = GrammarLlama(str(path), n_ctx=512, n_threads=1, verbose=False)
    yield model
    model.close()


def function(name: str, **properties: Any) -> dict[str, Any]:
    needed = [key for key, value in properties.items() if not value.pop("optional", False)]
    return {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": properties, "required": needed}}}  # fmt: skip


class Node(BaseModel):
    """Mentions itself."""

    text: str = Field(min_length=1, max_length=10)
    children: list[Node] = Field(default=[], max_length=2)
    extra: dict[str, int] | None = None


SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": [1, ODD, None, True]}}},
    {"type": "object", "properties": {"a": {"const": ODD}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": ["integer", "null"], "minimum": 0}}, "minProperties": 1},
    {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3},
    {"type": "array", "maxItems": 0},
    {"anyOf": [{"type": "boolean"}, {"type": "string", "minLength": 1, "maxLength": 1}]},
    {"allOf": [{"type": "integer", "minimum": 1, "maximum": 20000}]},
    Node.model_json_schema(),
]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("choice", ["auto", "any", "t"])
def test_llama_cpp_takes_every_grammar(llama: GrammarLlama, schema: dict[str, Any], choice: str) -> None:
    check_grammar(llama.vocab, tool_grammar([{"function": {"name": "t", "parameters": schema}}], choice))


def test_names_with_quotes_and_backslashes_do_not_break_it(llama: GrammarLlama) -> None:
    check_grammar(llama.vocab, tool_grammar([function(ODD, **{ODD: {"type": "string"}})]))


def test_a_bad_grammar_is_an_error_and_no_crash(llama: GrammarLlama) -> None:
    for text in ("root ::= missing", 'root ::= "unclosed', ""):
        with pytest.raises(GrammarError, match="refuses"):
            check_grammar(llama.vocab, text)


@pytest.mark.parametrize(
    ("schema", "message"),
    [({"type": "colour"}, "colour"), ({"type": "integer", "minimum": 3, "maximum": 1}, "no number"),
     ({"$ref": "#/$defs/Nobody"}, "Nobody"), ({"type": "object", "properties": {}, "required": ["a"]}, "required")],
)  # fmt: skip
def test_a_schema_that_cannot_be_written_says_what_is_wrong(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        tool_grammar([function("t", a=schema)])


def test_an_unknown_tool_choice_names_the_tools() -> None:
    with pytest.raises(GrammarError, match="none of first, second"):
        tool_grammar([function("first"), function("second")], "third")


def values(schema: dict[str, Any]) -> list[str]:
    rules = Rules()
    return re.findall(r'"([^"]+)"', rules.named[rules.of(schema, {})])


def test_bounded_numbers_are_a_list_within_the_bounds() -> None:
    weights = [float(value) for value in values({"type": "number", "minimum": -1, "maximum": 1})]
    assert {-1.0, -0.3, -0.15, 0.0, 0.15, 0.6, 1.0} <= set(weights) and min(weights) == -1 and max(weights) == 1
    assert values({"type": "integer", "minimum": 1, "maximum": 5}) == ["1", "2", "3", "4", "5"]
    assert values({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 4}) == ["2", "3"]


def test_only_the_chosen_tool_can_be_called() -> None:
    text = tool_grammar([function("first"), function("second")], "second", 1)
    assert "second" in text and "first" not in text and "root ::= calls\n" in text


def test_a_literal_is_escaped() -> None:
    assert literal('a"b\\c\n') == '"a\\"b\\\\c\\n"'
