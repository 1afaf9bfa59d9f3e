"""What one change does to one parameter: the PBox history is a ledger, and the state is what it folds to.

All functions are pure. The state of one (factor, key) is a dict from session id to what is held there; "" holds the
lasting entry, which a session's entry hides while the session lasts. Undoing a change means folding the ledger
without it, so what was said afterwards keeps its meaning ("as if it had never been said").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from db.changes import ALWAYS_HARD, HALF_LIFE_DAYS, NEVER_FADES, SESSION_HOURS, Change, Op
from recommend.pbox import Factor, bounded

LASTING = ""
NOTHING = 0.02
"""A weight below this is as good as unsaid and disappears."""

SAID = frozenset({"chat", "chip", "panel"})
"""Sources that are the listener's own words or hands."""

DIALS = frozenset({Factor.NOVELTY, Factor.DIVERSITY})
"""Settings whose 0 is a wish ("stick to what I know") and not the same as having said nothing."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of the ledger."""

    change_id: int
    factor: Factor
    op: Op
    value: float
    hard: bool
    session_id: str
    said: str
    half_life_days: float | None
    source: str
    turn_id: str
    at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """What one scope holds at one (factor, key)."""

    value: float | None
    """At `set_at`; None: taken away for the session."""
    hard: bool
    said: str
    set_at: datetime
    expires_at: datetime | None
    half_life_days: float | None
    source: str
    turn_id: str
    change_id: int

    def live(self, now: datetime) -> bool:
        """Whether it has not yet expired."""
        return self.expires_at is None or now < self.expires_at

    def left(self, now: datetime) -> float:
        """The share of the value that is not yet faded: 2^(-days / half-life)."""
        if self.half_life_days is None:
            return 1.0
        days = max((now - self.set_at).total_seconds(), 0.0) / 86_400
        return 2.0 ** (-days / self.half_life_days)

    def worth(self, now: datetime) -> float | None:
        """The value as it has faded until now."""
        return None if self.value is None else self.value * self.left(now)


State = dict[str, Held]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changes something, in which turn and conversation, and when."""

    source: str
    turn_id: str
    session_id: str
    at: datetime


def posting(change: Change, change_id: int, origin: Origin) -> Posting:
    """The ledger line of a change, with expiry and half-life settled. ValueError for a session change of no session."""
    factor = change.factor
    hard = change.hard or factor in ALWAYS_HARD
    in_session = change.scope == "session"
    if in_session and not origin.session_id:
        raise ValueError(f"a change of {factor} for the session needs the session_id of its conversation, got ''")
    fades = not (hard or in_session or factor in NEVER_FADES)
    return Posting(
        change_id=change_id,
        factor=factor,
        op=change.op,
        value=change.value,
        hard=hard,
        session_id=origin.session_id if in_session else LASTING,
        said=change.said,
        half_life_days=(change.half_life_days or HALF_LIFE_DAYS.get(factor)) if fades else None,
        source=origin.source,
        turn_id=origin.turn_id,
        at=origin.at,
        expires_at=origin.at + timedelta(hours=SESSION_HOURS) if in_session else None,
    )


def fold(postings: Iterable[Posting]) -> State:
    """The state of one (factor, key) after all these lines, in their order."""
    state: State = {}
    for line in postings:
        state = step(state, line)
    return state


def step(state: State, line: Posting) -> State:
    """The state after one more line. What a session holds is hidden state: a lasting change reaches it too."""
    live = {scope: held for scope, held in state.items() if held.live(line.at)}
    if line.session_id != LASTING:
        return _in_session(live, line)
    if line.op == "clear":
        return {}
    if line.op == "set":
        return _kept({LASTING: _hold(line, line.value)}, line)
    moved = {scope: _moved(held, line) for scope, held in live.items() if scope != LASTING and held.value is not None}
    return _kept({LASTING: _added(live.get(LASTING), line), **moved}, line)


def says_again(state: State, line: Posting) -> Held | None:
    """What the line would only renew: it sets exactly what its scope holds already. None where it changes something."""
    held, after = state.get(line.session_id), step(state, line)
    if line.op != "set" or held is None or line.session_id not in after:
        return None
    renewed = after[line.session_id]
    same = (held.value, held.hard, held.half_life_days) == (renewed.value, renewed.hard, renewed.half_life_days)
    return held if same and after.keys() == state.keys() else None


def in_force(state: State, factor: Factor, now: datetime, session_id: str | None = None) -> tuple[str, Held] | None:
    """The scope and entry that count now: the newest session's, else the lasting one; None where nothing is said.

    With a `session_id` the entries of other sessions are left out.
    """
    live = {scope: held for scope, held in state.items() if held.live(now)}
    if session_id is not None:
        live = {scope: held for scope, held in live.items() if scope in (LASTING, session_id)}
    if not live:
        return None
    scope = max(live, key=lambda s: (s != LASTING, live[s].change_id))
    worth = live[scope].worth(now)
    return None if worth is None or _is_nothing(factor, worth) else (scope, live[scope])


def value_in_force(state: State, factor: Factor, now: datetime, session_id: str | None = None) -> float | None:
    """The decayed value that counts now, or None."""
    found = in_force(state, factor, now, session_id)
    return None if found is None else found[1].worth(now)


def _in_session(live: State, line: Posting) -> State:
    scope = line.session_id
    if line.op == "end":
        return {other: held for other, held in live.items() if other != scope}
    if line.op == "clear":
        rest = {other: held for other, held in live.items() if other != scope}
        return {**rest, scope: _hold(line, None)} if LASTING in live else rest
    base = live.get(scope) or live.get(LASTING)
    start = base.worth(line.at) if base and line.op == "add" else None
    return {**live, scope: _hold(line, (start or 0.0) + line.value)}


def _added(held: Held | None, line: Posting) -> Held:
    """What is held once a lasting step is added to it."""
    start = (held.worth(line.at) if held else None) or 0.0
    total = _hold(line, start + line.value)
    return _still_said(held, total, line) if held and _only_learnt(held, total, line) else total


def _only_learnt(held: Held, total: Held, line: Posting) -> bool:
    """Whether feedback moves what the listener said, but does not turn it round."""
    worth = held.worth(line.at) or 0.0
    said = held.source in SAID and not _is_nothing(line.factor, worth)
    return said and line.source == "feedback" and worth * (total.value or 0.0) > 0.0


def _still_said(held: Held, total: Held, line: Posting) -> Held:
    """What was said keeps its words and its time; its value is such that it has faded to the total by now."""
    return replace(held, value=(total.value or 0.0) / held.left(line.at), change_id=line.change_id)


def _hold(line: Posting, value: float | None) -> Held:
    return Held(
        value=None if value is None else bounded(line.factor, value),
        hard=line.hard,
        said=line.said,
        set_at=line.at,
        expires_at=line.expires_at,
        half_life_days=line.half_life_days,
        source=line.source,
        turn_id=line.turn_id,
        change_id=line.change_id,
    )


def _moved(held: Held, line: Posting) -> Held:
    moved = _added(held, line)
    return replace(moved, expires_at=held.expires_at, half_life_days=held.half_life_days)


def _kept(state: State, line: Posting) -> State:
    """Without a lasting entry that says nothing; a session's zero stays, since it hides the lasting one."""
    lasting = state[LASTING].value
    if lasting is not None and _is_nothing(line.factor, lasting):
        return {scope: held for scope, held in state.items() if scope != LASTING}
    return state


def _is_nothing(factor: Factor, value: float) -> bool:
    return abs(value) < NOTHING and factor not in DIALS
