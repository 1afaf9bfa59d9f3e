"""The bounds that someone sets on the length of a sitting: by minutes, by a word, or by comparing with the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from db.pbox import Change
from recommend.pbox import BOUNDS, LENGTH_WORDS, Entry, Factor
from tools.changing import clear, reached, scope_of
from tools.context import Duration, ToolRetry, TurnContext

LEAST, MOST = BOUNDS[Factor.LENGTH]
_COMPARING = {
    "short": re.compile(r"\bshorter\b|[更再]短|短一?[点些]", re.IGNORECASE),
    "long": re.compile(r"\blonger\b|[更再]长|长一?[点些]", re.IGNORECASE),
}


def between(ctx: TurnContext, least: int | None, most: int | None, duration: Duration | None) -> list[Change]:
    """The bounds as said; one that was set before and contradicts the new one goes. ToolRetry where they cross."""
    if least is not None and most is not None and least > most:
        raise ToolRetry(f"min_minutes {least} is more than max_minutes {most}; swap them or give one only")
    held = reached(ctx, duration).of(Factor.LENGTH)
    changes = []
    if least is not None:
        changes.append(_bound("min", least, duration, hard=True))
    elif most is not None and any(entry.key == "min" and entry.value >= most for entry in held):
        changes.append(clear(Factor.LENGTH, "min", duration=duration))
    if most is not None:
        changes.append(_bound("max", most, duration, hard=True))
    elif least is not None and any(entry.key == "max" and entry.value <= least for entry in held):
        changes.append(clear(Factor.LENGTH, "max", duration=duration))
    return changes


def called(ctx: TurnContext, word: str, duration: Duration | None) -> list[Change]:
    """The bounds that a word stands for. What was bounded more strictly stays so: "short" lengthens nothing."""
    least, most = LENGTH_WORDS.get(word, (LEAST, MOST))
    said = "" if word == "any" else word
    held = reached(ctx, duration).of(Factor.LENGTH)
    shortest, longest = _bound("min", least, duration, said=said), _bound("max", most, duration, said=said)
    if word == "long":
        return [*_again(held, _compared(ctx, word, shortest, held)), longest]
    if word == "short":
        return [shortest, *_again(held, _compared(ctx, word, longest, held))]
    return [shortest, longest]


def _compared(ctx: TurnContext, word: str, bound: Change, held: tuple[Entry, ...]) -> Change:
    """What a word asks for that compares ("shorter"), so that who says it does not see the same list again.

    Where the word was said before, it no longer admits exceptions; where all on the screen keeps to it, half of that
    is too much.
    """
    if not _COMPARING[word].search(ctx.said):
        return bound
    catalogue = ctx.engine.catalogue
    least, most = LENGTH_WORDS[word]
    minutes = [catalogue.item(item_id).sitting_minutes for item_id in ctx.shown if item_id in catalogue.row]
    if minutes and all(least <= one <= most for one in minutes):
        return bound.model_copy(update={"value": max(float(int(median(minutes))), 1.0), "hard": True, "said": ""})
    again = any(entry.key == bound.key and entry.said == word for entry in held)
    return bound.model_copy(update={"hard": True, "said": ""}) if again else bound


def _again(held: Sequence[Entry], wanted: Change) -> list[Change]:
    """The stricter bounds that stand, in place of the one wanted; one for the session stays beside a lasting one.

    Of equal bounds that is stricter which admits no exception.
    """
    sign = 1 if wanted.key == "min" else -1
    asked = sign * wanted.value, wanted.hard
    kept = {wanted.scope: wanted}
    for stands in held:
        if stands.key != wanted.key or (sign * stands.value, stands.hardness == "hard") <= asked:
            continue
        scope = stands.scope if wanted.scope == "lasting" else wanted.scope
        same = {"value": stands.value, "hard": stands.hardness == "hard", "said": stands.said, "scope": scope}
        kept[scope] = wanted.model_copy(update=same)
    return list(kept.values())


def _bound(key: str, minutes: float, duration: Duration | None, *, hard: bool = False, said: str = "") -> Change:
    """One bound; one that bounds nothing is taken away."""
    if minutes <= LEAST or minutes >= MOST:
        return clear(Factor.LENGTH, key, duration=duration)
    return Change(
        factor=Factor.LENGTH, key=key, op="set", value=minutes, hard=hard, scope=scope_of(duration), said=said
    )
