"""The values at the door of the PBox: what a caller asks to be changed, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, model_validator

from recommend.pbox import Factor, Scope, Source

Op = Literal["add", "set", "clear", "end"]
Kind = Literal["category", "author", "narrator", "series", "tag", "title", "item", "mood", "scene"]

LONGEST_KEY = 400
"""Letters of a key."""
SESSION_HOURS = 12.0
"""A session entry ends with its conversation, and after so many hours at the latest."""

HALF_LIFE_DAYS: dict[Factor, float] = {
    Factor.CATEGORY: 60.0,
    Factor.ENTITY: 60.0,
    Factor.PENALTY: 60.0,
    Factor.MOOD: 30.0,
    Factor.SCENE: 30.0,
}
"""How fast lasting tastes fade where the change does not say; every other factor is a setting and stays."""

NEVER_FADES = frozenset({Factor.BLOCK, Factor.LENGTH, Factor.LANGUAGE})
"""Bounds, not weights: half of a block or of 30 minutes means nothing."""

ALWAYS_HARD = frozenset({Factor.BLOCK, Factor.LANGUAGE})

_NAMED = frozenset({Factor.ENTITY, Factor.BLOCK, Factor.PENALTY})
_KEYS: dict[Factor, tuple[str, ...]] = {Factor.LENGTH: ("min", "max"), Factor.LANGUAGE: ("en", "zh")}
_FREE = frozenset({Factor.CATEGORY, Factor.MOOD, Factor.SCENE})


class Change(BaseModel, frozen=True, extra="forbid"):
    """One wish to change the PBox. ValueError where the key does not fit the factor (see `recommend.pbox.Entry`)."""

    factor: Factor
    key: Annotated[str, Field(max_length=LONGEST_KEY)] = ""
    op: Op
    """add: move the value in force by `value`; set: make it `value`; clear: say nothing about it any more, in a session
    by hiding what lasts; end: the session says nothing of its own any more, so that what lasts shows again."""
    value: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """Clamped into the factor's range; minutes for length, 1 for a block or a language."""
    hard: bool = False
    """Filters instead of shifting scores. Blocks and languages always do."""
    scope: Scope = "lasting"
    said: str = ""
    half_life_days: Annotated[float, Field(gt=0)] | None = None
    """None: the factor's own (HALF_LIFE_DAYS). Hard and session entries do not fade."""

    @model_validator(mode="after")
    def _check(self) -> Change:
        problem = _key_problem(self.factor, self.key)
        if problem:
            raise ValueError(problem)
        if self.factor in ALWAYS_HARD and self.op in ("add", "set") and self.value <= 0:
            raise ValueError(f"{self.factor} {self.key!r} of {self.value}: set it to 1, or take it back by 'clear'")
        if self.op == "end" and self.scope != "session":
            raise ValueError(f"{self.factor} {self.key!r}: only what a session holds ends; take it back by 'clear'")
        return self


class Applied(BaseModel, frozen=True, extra="forbid"):
    """One change that was made, as the history keeps it."""

    id: int
    turn_id: str
    factor: Factor
    key: str
    said: str
    before: float | None
    """The value in force until then, decayed; None where there was none."""
    after: float | None
    scope: Scope
    source: Source
    at: datetime
    undone: bool


def _key_problem(factor: Factor, key: str) -> str:
    """What is wrong with the key, or "" when it fits."""
    if factor in _NAMED:
        kind, _, name = key.partition(":")
        if kind not in get_args(Kind) or not name.strip():
            return f"{factor} key {key!r}: write 'kind:name' with a kind of {', '.join(get_args(Kind))}"
    elif factor in _KEYS:
        if key not in _KEYS[factor]:
            return f"{factor} key {key!r}: use one of {', '.join(_KEYS[factor])}"
    elif factor in _FREE:
        if not key.strip():
            return f"{factor} needs a key: a category path, or the slug or word of a mood or scene"
    elif key:
        return f"{factor} takes no key, got {key!r}: leave it empty"
    return ""
