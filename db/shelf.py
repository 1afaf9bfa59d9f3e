"""Ledger states to and from their rows: no decisions, only the tables of the PBox."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from db.ledger import LASTING, Held, Posting, State
from db.tables import ChangeRow, EntryRow
from recommend.pbox import Factor

Place = tuple[Factor, str]
"""Factor and key: where a value is held."""

_HELD = ("value", "hard", "said", "set_at", "expires_at", "half_life_days", "source", "turn_id", "change_id")
_ENTRIES = EntryRow.__table__.c
_READ_ENTRIES = select(*(_ENTRIES[name] for name in ("factor", "key", "session_id", *_HELD))).where(
    _ENTRIES.user_id == bindparam("user_id")
)
"""Made once and on the bare table: it runs on every request, and building it costs more than running it."""

_FACTORS = {factor.value: factor for factor in Factor}
_LINE = ("value", "hard", "session_id", "said", "half_life_days", "source", "turn_id", "at", "expires_at")
_LINE_COLUMNS = [getattr(ChangeRow, name) for name in ("id", "op", *_LINE)]


def read_states(session: Session, user_id: str) -> dict[Place, State]:
    """All that is held of one user, expired entries included."""
    states: dict[Place, State] = {}
    for factor, key, scope, *held in map(tuple, session.execute(_READ_ENTRIES, {"user_id": user_id})):
        states.setdefault((_FACTORS[factor], key), {})[scope] = Held(*held)
    return states


def read_lines(session: Session, user_id: str, place: Place) -> list[Posting]:
    """The lines of one place that are in force, in their order, from the last one that wiped the place clean."""
    factor, key = place
    mine = (ChangeRow.user_id == user_id, ChangeRow.factor == factor.value, ChangeRow.key == key)
    valid = (*mine, ChangeRow.undone_version.is_(None))
    wiping = select(func.max(ChangeRow.id)).where(*valid, ChangeRow.session_id == LASTING, ChangeRow.op != "add")
    start = session.scalar(wiping) or 0
    query = select(*_LINE_COLUMNS).where(*valid, ChangeRow.id >= start).order_by(ChangeRow.id)
    return [Posting(change_id, factor, op, *line) for change_id, op, *line in session.execute(query)]


def line_row(user_id: str, key: str, line: Posting) -> ChangeRow:
    """A new row of the history; the id is given by the database."""
    values = {name: getattr(line, name) for name in _LINE}
    return ChangeRow(user_id=user_id, factor=line.factor.value, key=key, op=line.op, **values)


def write_states(session: Session, user_id: str, states: Mapping[Place, State]) -> None:
    """Put these states in place of what was held there."""
    places = or_(*(and_(EntryRow.factor == factor.value, EntryRow.key == key) for factor, key in states))
    session.execute(delete(EntryRow).where(EntryRow.user_id == user_id, places))
    rows = [
        {"user_id": user_id, "factor": factor.value, "key": key, "session_id": scope}
        | {name: getattr(held, name) for name in _HELD}
        for (factor, key), state in states.items()
        for scope, held in state.items()
    ]
    if rows:
        session.execute(insert(EntryRow), rows)
