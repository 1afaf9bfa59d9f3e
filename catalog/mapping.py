"""How the columns of somebody's table become an item: a small TOML file, and the checks that every row goes through.

[columns]            # field of an item = column of the table
id = "sku"
title = "name"
[constants]          # fields that are the same for every row
format = "podcast"
[split]              # a list in one cell, by its separator
tags = ";"
[values.language]    # cell -> value
English = "en"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from catalog.items import Item
from catalog.vocabulary import Words

_LISTS = {"more_categories", "moods", "scenes", "tags"}
_EMPTY = (None, "", [], ())


class MappingError(ValueError):
    """A mapping file does not fit; the text says where and what is allowed. For the user."""


class Fault(BaseModel, frozen=True, extra="forbid"):
    """A row that was left out, and why."""

    line: int
    """1 for the first line of the file; for Parquet the number of the row."""
    reason: str


class Mapping(BaseModel, frozen=True, extra="forbid"):
    """What a mapping file says. An empty one: the columns are called like the fields of an item."""

    columns: dict[str, str] = {}
    constants: dict[str, Any] = {}
    split: dict[str, str] = {}
    values: dict[str, dict[str, Any]] = {}

    def draft(self, record: Table[str, Any]) -> dict[str, Any]:
        """The fields of an item that a record gives; empty cells give none."""
        named = {field: record.get(column) for field, column in self.columns.items()} if self.columns else dict(record)
        fields: dict[str, Any] = dict(self.constants)
        for field, value in named.items():
            if value not in _EMPTY:
                fields[field] = self._value(field, value)
        return fields

    def _value(self, field: str, value: Any) -> Any:
        if field in self.values:
            value = self.values[field].get(str(value), value)
        if isinstance(value, str) and (field in self.split or field in _LISTS):
            value = [part.strip() for part in value.split(self.split.get(field, ";")) if part.strip()]
        return value


def load_mapping(path: Path | None) -> Mapping:
    """The mapping of a TOML file; the empty one for None. Raises MappingError."""
    if path is None:
        return Mapping()
    try:
        mapping = Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise MappingError(f"{path.name}: {error}. Allowed tables: columns, constants, split, values.") from error
    strange = {*mapping.columns, *mapping.constants, *mapping.split, *mapping.values} - set(Item.model_fields)
    if strange:
        raise MappingError(f"{path.name}: an item has no {sorted(strange)}; its fields: {sorted(Item.model_fields)}")
    return mapping


class ItemCheck:
    """Makes items of fields, for one set of words."""

    def __init__(self, words: Words) -> None:
        self._leaves = frozenset(category.path for category in words.taxonomy.leaves())
        self._lists = {"moods": words.moods, "scenes": words.scenes}

    def item(self, fields: dict[str, Any]) -> Item:
        """A checked item; free where it has no price. ValueError says in one line what is wrong."""
        filled = {"format": "audiobook", **fields}
        try:
            item = Item.model_validate(filled)
        except ValidationError as error:
            raise ValueError("; ".join(_short(fault) for fault in error.errors())) from error
        # Only now is the price a number: a cell may say "0.00".
        if "access" not in fields and item.price > 0:
            item = item.model_copy(update={"access": "paid"})
        unknown = [path for path in item.categories if path not in self._leaves]
        if unknown:
            raise ValueError(
                f"category {unknown[0]!r} is no leaf of the tree, such as {min(self._leaves, default='')!r}"
            )
        for field, vocabulary in self._lists.items():
            strange = [slug for slug in getattr(item, field) if slug not in vocabulary]
            if strange:
                raise ValueError(f"{field} {strange[0]!r} is not one of {sorted(t.slug for t in vocabulary.terms)}")
        return item


def _short(fault: Any) -> str:
    field = ".".join(str(part) for part in fault["loc"]) or "item"
    if fault["type"] == "missing":
        return f"{field} is missing"
    if fault["type"] == "extra_forbidden":
        return f"an item has no field {field!r}: name the columns in a mapping file"
    return f"{field} {fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
