"""The page's own words in one language."""

from __future__ import annotations

from collections.abc import Callable

from prompts.texts import Lang, Texts

Say = Callable[..., str]
"""`say("undo_this", what="more history")`: the text `screen.undo_this` in the reader's language."""


def words(texts: Texts, lang: Lang) -> Say:
    """The texts of the group `screen` in `lang`."""

    def say(key: str, **values: object) -> str:
        return texts.say(f"screen.{key}", lang, **values)

    return say
