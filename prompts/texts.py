"""Every sentence the product says, by name and language.

A folder a language, a TOML file a group, a Jinja2 text a key: `reasons.mood` is the key `mood` of
`prompts/en/reasons.toml` and `prompts/zh/reasons.toml`. Rendering is strict both ways: a value that
the text needs and does not get is an error, and so is a value that it does not use.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, StrictUndefined, Template, TemplateError, meta

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = ("en", "zh")


class PromptError(Exception):
    """A text that does not exist, does not parse, or got the wrong values."""


@dataclass(frozen=True)
class Text:
    """One text in one language, ready to render."""

    source: str
    template: Template | None
    """None for a text that is the same whatever its values."""
    wants: frozenset[str]
    """Names of the values that it uses."""


class Texts:
    """All texts, read once by `load` and kept."""

    def __init__(self, texts: Mapping[tuple[str, Lang], Text]) -> None:
        self._texts = dict(texts)

    @classmethod
    def load(cls, folder: Path | None = None) -> Texts:
        """Read `folder`/{en,zh}/*.toml (the folder of this module by default). Raises PromptError.

        The product's own texts are compiled once a process: they never change, and it takes half a second.
        """
        return _own() if folder is None else cls.read(folder)

    @classmethod
    def read(cls, root: Path) -> Texts:
        """The texts of a folder, read anew. Raises PromptError."""
        env = Environment(undefined=StrictUndefined, keep_trailing_newline=False)
        found: dict[tuple[str, Lang], Text] = {}
        for lang in LANGUAGES:
            for path in sorted((root / lang).glob("*.toml")):
                for name, source in _flat(path.stem, _parse(path)):
                    found[name, lang] = _compile(env, f"{name} ({lang})", source)
        return cls(found)

    def say(self, name: str, /, lang: Lang, **values: object) -> str:
        """The text `name` ("group.key") in `lang` with `values` filled in.

        Raises PromptError where the text is unknown, or a value is missing or not used by it.
        """
        text = self._text(name, lang)
        if missing := text.wants - values.keys():
            raise PromptError(f"{name} ({lang}) needs {_list(missing)} but got {_list(values)}. Pass what is missing.")
        if extra := values.keys() - text.wants:
            raise PromptError(f"{name} ({lang}) does not use {_list(extra)}, only {_list(text.wants)}. Leave it out.")
        if text.template is None:
            return text.source.strip()
        try:
            return text.template.render(values).strip()
        except TemplateError as error:
            raise PromptError(f"{name} ({lang}) cannot be rendered: {error}") from error

    def version(self, name: str) -> str:
        """`name` with the hash of its sources in both languages; `name` may also be a whole group."""
        ours = sorted(place for place in self._texts if _in(place[0], name))
        sources = [f"{key}\0{lang}\0{self._texts[key, lang].source}" for key, lang in ours]
        if not sources:
            raise PromptError(self._unknown(name))
        return f"{name}@{hashlib.sha256(chr(1).join(sources).encode()).hexdigest()[:8]}"

    def names(self, group: str | None = None) -> tuple[str, ...]:
        """All text names, or those of one group, sorted."""
        return tuple(sorted({key for key, _ in self._texts if group is None or _in(key, group)}))

    def wants(self, name: str, lang: Lang) -> frozenset[str]:
        """Names of the values that a text needs. Raises PromptError where the text is unknown."""
        return self._text(name, lang).wants

    def _text(self, name: str, lang: Lang) -> Text:
        text = self._texts.get((name, lang))
        if text is None:
            raise PromptError(self._unknown(name, lang))
        return text

    def _unknown(self, name: str, lang: str = "en or zh") -> str:
        group = name.partition(".")[0]
        near = self.names(group) or tuple(sorted({key.partition(".")[0] for key, _ in self._texts}))
        return f"There is no text {name!r} in {lang}. Add it to {group}.toml, or use one of {_list(near)}."


def _parse(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PromptError(f"{path.parent.name}/{path.name} is no valid TOML: {error}") from error


def _flat(prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        name = f"{prefix}.{key}"
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, dict):
            yield from _flat(name, value)
        else:
            raise PromptError(f"{name} is {value!r}; a text must be a string. Put it in quotes.")


@cache
def _own() -> Texts:
    return Texts.read(Path(__file__).parent)


def _compile(env: Environment, name: str, source: str) -> Text:
    if "{" not in source:
        return Text(source, None, frozenset())
    try:
        wants = meta.find_undeclared_variables(env.parse(source)) - env.globals.keys()
        return Text(source, env.from_string(source), frozenset(wants))
    except TemplateError as error:
        raise PromptError(f"{name} is no valid Jinja2: {error}") from error


def _in(name: str, group: str) -> bool:
    return name == group or name.startswith(f"{group}.")


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
