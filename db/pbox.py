"""The PBox store: every write is one short transaction that raises the version, and every write can be taken back.

Writers of one user queue on that user's `pboxes` row. A write posts lines to the history, folds them into the entries
(`db.ledger`) and stores both; undoing marks lines and folds again. Reading only takes the entries, fades them and drops
what expired. What is undone together is a group: all changes of one turn, or one action on the panel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.changes import Applied, Change
from db.engine import Database, UnknownUser
from db.ledger import Origin, State, fold, in_force, posting, step, value_in_force
from db.shelf import Place, drop_session, line_row, read_lines, read_states, write_states
from db.tables import BoxRow, ChangeRow
from recommend.pbox import DIMENSION, Dimension, Entry, Factor, PBox, Source

__all__ = ["Applied", "Change", "PBoxStore"]

_BOXES = BoxRow.__table__.c
_READ_VERSION = select(_BOXES.version).where(_BOXES.user_id == bindparam("user_id"))

_NEWEST = 2**62
"""Stands for the id of a change that is not written yet: newer than all."""


class PBoxStore:
    """The PBoxes of all users. Threads and processes may share one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, user_id: str, now: datetime, session_id: str | None = None) -> PBox:
        """What is in force now: faded, without what expired; a session's entry hides the lasting one of its key.

        With a `session_id` the entries of other conversations are left out. An unknown user has an empty PBox.
        """
        with self._database.read() as session:
            version = session.scalar(_READ_VERSION, {"user_id": user_id})
            states = read_states(session, user_id)
        entries = (_entry(place, state, now, session_id) for place, state in states.items())
        found = sorted((entry for entry in entries if entry is not None), key=lambda entry: entry.change_id)
        return PBox(version=version or 0, entries=tuple(found))

    def change(
        self,
        user_id: str,
        turn_id: str,
        changes: Sequence[Change],
        *,
        source: Source,
        now: datetime,
        session_id: str = "",
    ) -> tuple[Applied, ...]:
        """Make the changes, all or none, and return them; a clear of what is not there leaves no trace.

        `session_id` is the conversation, needed where a change has the scope "session". Changes of one turn are undone
        together; a source "panel" or an empty turn id makes the call a group of its own. Raises UnknownUser.
        """
        origin = Origin(source=source, turn_id=turn_id, session_id=session_id, at=now)
        with self._database.write() as session:
            return _write(session, _locked(session, user_id), changes, origin)

    def remove(self, user_id: str, factor: Factor, key: str, now: datetime) -> tuple[Applied, ...]:
        """Take one parameter away by hand. Can be undone; () when there was none."""
        gone = Change(factor=factor, key=key, op="clear")
        return self.change(user_id, "", [gone], source="panel", now=now)

    def reset(
        self,
        user_id: str,
        dimension: Dimension | Literal["all"] | str,
        turn_id: str,
        now: datetime,
        source: Source = "chat",
    ) -> tuple[Applied, ...]:
        """Take away every parameter of a dimension, or of "all" (the language of the audio too). Can be undone."""
        wanted = set(Dimension) if dimension == "all" else {Dimension(dimension)}
        origin = Origin(source=source, turn_id=turn_id, session_id="", at=now)
        with self._database.write() as session:
            box = _locked(session, user_id)
            places = [place for place in read_states(session, user_id) if DIMENSION[place[0]] in wanted]
            return _write(session, box, [Change(factor=f, key=key, op="clear") for f, key in places], origin)

    def undo(self, user_id: str, now: datetime) -> tuple[Applied, ...]:
        """Take back the last group of changes that is in force; () when there is none.

        Each is returned with the value in force before and after the undoing. Groups that only concerned a session
        that is over are passed by.
        """
        with self._database.write() as session:
            box = _locked(session, user_id)
            alive = ChangeRow.undone_version.is_(None), (ChangeRow.expires_at.is_(None) | (ChangeRow.expires_at > now))
            mine = select(ChangeRow).where(ChangeRow.user_id == user_id, *alive)
            last = session.scalar(mine.order_by(ChangeRow.id.desc()).limit(1))
            if last is None:
                return ()
            group = session.scalars(mine.where(ChangeRow.group_id == last.group_id).order_by(ChangeRow.id))
            return _mark(session, box, group.all(), undone=True, now=now)

    def redo(self, user_id: str, now: datetime) -> tuple[Applied, ...]:
        """Make again what the last undo took back; () when there is none or something was changed since."""
        with self._database.write() as session:
            box = _locked(session, user_id)
            mine = ChangeRow.user_id == user_id
            newest = select(func.max(ChangeRow.version), func.max(ChangeRow.undone_version)).where(mine)
            written, undone = session.execute(newest).one()
            if undone is None or undone < written:
                return ()
            rows = select(ChangeRow).where(mine, ChangeRow.undone_version == undone)
            return _mark(session, box, session.scalars(rows.order_by(ChangeRow.id)).all(), undone=False, now=now)

    def undo_change(self, user_id: str, change_id: int, now: datetime) -> tuple[Applied, ...]:
        """Take back one change as if it had never been made; later ones keep their meaning. () where it is undone."""
        with self._database.write() as session:
            box = _locked(session, user_id)
            mine = ChangeRow.user_id == user_id, ChangeRow.id == change_id, ChangeRow.undone_version.is_(None)
            return _mark(session, box, session.scalars(select(ChangeRow).where(*mine)).all(), undone=True, now=now)

    def end_session(self, user_id: str, session_id: str) -> None:
        """End what was said for this conversation only. Cannot be undone; does nothing where there is nothing."""
        with self._database.write() as session:
            box = session.get(BoxRow, user_id, with_for_update=True)
            if box is not None and session_id and drop_session(session, user_id, session_id):
                box.version += 1

    def history(self, user_id: str, limit: int = 50) -> list[Applied]:
        """The last changes, newest first, undone ones among them (marked)."""
        newest = select(ChangeRow).where(ChangeRow.user_id == user_id).order_by(ChangeRow.id.desc()).limit(limit)
        with self._database.read() as session:
            rows = session.scalars(newest).all()
            return [_applied(row, row.before, row.after) for row in rows]


def _locked(session: Session, user_id: str) -> BoxRow:
    box = session.get(BoxRow, user_id, with_for_update=True)
    if box is None:
        raise UnknownUser(user_id)
    return box


def _write(session: Session, box: BoxRow, changes: Sequence[Change], origin: Origin) -> tuple[Applied, ...]:
    states = read_states(session, box.user_id)
    written: dict[Place, State] = {}
    rows: list[ChangeRow] = []
    for change in changes:
        place = change.factor, change.key
        state = {scope: held for scope, held in states.get(place, {}).items() if held.live(origin.at)}
        line = posting(change, _NEWEST, origin)
        after = step(state, line)
        if change.op == "clear" and after == state:
            continue
        row = line_row(box.user_id, change.key, line)
        row.version, row.group_id = box.version + 1, _group(box, origin)
        row.before, row.after = (
            value_in_force(s, change.factor, origin.at, origin.session_id or None) for s in (state, after)
        )
        session.add(row)
        session.flush()
        states[place] = written[place] = step(state, replace(line, change_id=row.id))
        rows.append(row)
    if rows:
        box.version += 1
        write_states(session, box.user_id, written)
    return tuple(_applied(row, row.before, row.after) for row in rows)


def _group(box: BoxRow, origin: Origin) -> str:
    return f"#{box.version + 1}" if origin.source == "panel" or not origin.turn_id else origin.turn_id


def _mark(
    session: Session, box: BoxRow, rows: Sequence[ChangeRow], *, undone: bool, now: datetime
) -> tuple[Applied, ...]:
    """Take these lines out of the ledger, or put them back, and fold what they touched anew."""
    if not rows:
        return ()
    box.version += 1
    places = dict.fromkeys((Factor(row.factor), row.key) for row in rows)
    before = _values(read_states(session, box.user_id), places, now)
    for row in rows:
        row.undone_version = box.version if undone else None
    session.flush()
    states = {place: fold(read_lines(session, box.user_id, place)) for place in places}
    write_states(session, box.user_id, states)
    after = _values(states, places, now)
    return tuple(_applied(row, before[Factor(row.factor), row.key], after[Factor(row.factor), row.key]) for row in rows)


def _values(states: dict[Place, State], places: Iterable[Place], now: datetime) -> dict[Place, float | None]:
    return {place: value_in_force(states.get(place, {}), place[0], now) for place in places}


def _entry(place: Place, state: State, now: datetime, session_id: str | None) -> Entry | None:
    found = in_force(state, place[0], now, session_id)
    if found is None:
        return None
    scope, held = found
    return Entry(
        factor=place[0],
        key=place[1],
        value=held.worth(now) or 0.0,
        hardness="hard" if held.hard else "soft",
        scope="session" if scope else "lasting",
        said=held.said,
        set_at=held.set_at,
        expires_at=held.expires_at,
        half_life_days=held.half_life_days,
        source=held.source,  # pyright: ignore[reportArgumentType]
        turn_id=held.turn_id,
        change_id=held.change_id,
    )


def _applied(row: ChangeRow, before: float | None, after: float | None) -> Applied:
    return Applied(
        id=row.id,
        turn_id=row.turn_id,
        factor=Factor(row.factor),
        key=row.key,
        said=row.said,
        before=before,
        after=after,
        scope="session" if row.session_id else "lasting",
        source=row.source,  # pyright: ignore[reportArgumentType]
        at=row.at,
        undone=row.undone_version is not None,
    )
