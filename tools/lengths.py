"""The bounds that someone sets on the length of a sitting: by minutes, by a word, or by comparing with the screen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from db.pbox import Change
from recommend.pbox import BOUNDS, INTERESTS, LENGTH_WORDS, Entry, Factor
from tools.changing import box, clear, reached, scope_of
from tools.context import Duration, ToolRetry, TurnContext

LEAST, MOST = BOUNDS[Factor.LENGTH]
AFAR = 4.0
"""So many times as long, or as short, is no longer meant by "longer" and "shorter"."""
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
    held = reached(ctx, duration).of(Factor.LENGTH)
    if (than := _reference(ctx, word)) is not None:
        return _compared(word, than, duration)
    least, most = LENGTH_WORDS.get(word, (LEAST, MOST))
    said = "" if word == "any" else word
    shortest, longest = _bound("min", least, duration, said=said), _bound("max", most, duration, said=said)
    if word == "long":
        return [*_again(held, shortest), longest]
    if word == "short":
        return [shortest, *_again(held, longest)]
    return [shortest, longest]


def _reference(ctx: TurnContext, word: str) -> float | None:
    """The minutes that "shorter" or "longer" compares with: the bound in its way, else the middle of what is shown.

    None where nothing is compared, or with nothing that is shown: "science podcasts, shorter ones" begins anew.
    """
    anew = any(change.factor in INTERESTS and change.after for change in ctx.outcome.changes)
    if anew or word not in _COMPARING or not _COMPARING[word].search(ctx.said):
        return None
    catalogue = ctx.engine.catalogue
    minutes = [catalogue.item(item_id).sitting_minutes for item_id in ctx.shown if item_id in catalogue.row]
    in_force = box(ctx).of(Factor.LENGTH)
    bound = next((entry.value for entry in in_force if entry.key == ("max" if word == "long" else "min")), None)
    if bound is not None or not minutes:
        return bound
    return max(float(int(median(minutes))), 1.0)


def _compared(word: str, than: float, duration: Duration | None) -> list[Change]:
    """Shorter or longer than so many minutes, though rather not by far: a bit more than half an hour is no epic.

    What is short already may be as short as it likes.
    """
    if word == "short":
        least = than / AFAR if than / AFAR >= LENGTH_WORDS["short"][1] else LEAST
        return [_bound("min", least, duration, said=word), _bound("max", than, duration, hard=True)]
    return [_bound("min", than, duration, hard=True), _bound("max", than * AFAR, duration, said=word)]


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
