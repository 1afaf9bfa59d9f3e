"""The PBox store: every write is one short transaction that raises the version, and every write can be taken back.

Writers of one user queue on that user's `pboxes` row. A write posts lines to the history, folds them into the entries
(`db.ledger`) and stores both; undoing marks lines and folds again. Reading only takes the entries, fades them and drops
what expired. What is undone together is a group: all changes of one turn with its feedback, or one action on the panel.
A wish that is said again takes the place of its earlier line, so that undoing it takes back the whole wish.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.changes import Applied, Change
from db.engine import Database, UnknownUser
from db.ledger import LASTING, Held, Origin, State, fold, in_force, posting, says_again, step, value_in_force
from db.shelf import Place, line_row, read_lines, read_states, write_states
from db.tables import BoxRow, ChangeRow
from db.undoing import Deed, last_done, last_undone
from recommend.pbox import DIMENSION, Dimension, Entry, Factor, PBox, Source

__all__ = ["Applied", "Change", "PBoxStore", "Steps", "Undone"]

_BOXES = BoxRow.__table__.c
_READ_VERSION = select(_BOXES.version).where(_BOXES.user_id == bindparam("user_id"))

_NEWEST = 2**62
"""Stands for the id of a change that is not written yet: newer than all."""


class Undone(NamedTuple):
    """What one undo took back, or one redo made again; both empty where there was nothing."""

    changes: tuple[Applied, ...] = ()
    """Each with the value in force before and after the undoing."""
    item_ids: tuple[str, ...] = ()
    """Items on which feedback was taken back."""


class Steps(NamedTuple):
    """Whether an undo, and a redo, would do anything now."""

    undo: bool
    redo: bool


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

    def undo(self, user_id: str, now: datetime, but: str | None = None, only: str | None = None) -> Undone:
        """Take back what was done last: the last group of changes in force with its feedback, or feedback alone.

        but: the turn that asks for it, whose own changes are not meant. only: the turn that is meant, whatever came
        after it.
        """
        with self._database.write() as session:
            box = _locked(session, user_id)
            return _marked(session, box, last_done(session, user_id, now, but, only), undone=True, now=now)

    def redo(self, user_id: str, now: datetime) -> Undone:
        """Make again what the last undo took back; nothing where there is none or something was changed since."""
        with self._database.write() as session:
            box = _locked(session, user_id)
            return _marked(session, box, last_undone(session, user_id), undone=False, now=now)

    def undo_changes(self, user_id: str, change_ids: Collection[int], now: datetime) -> tuple[Applied, ...]:
        """Take back these changes in one step, as if they had never been made; later ones keep their meaning.

        Those that are undone already, and those of somebody else, are passed by.
        """
        mine = ChangeRow.user_id == user_id, ChangeRow.id.in_(change_ids), ChangeRow.undone_version.is_(None)
        with self._database.write() as session:
            box = _locked(session, user_id)
            rows = session.scalars(select(ChangeRow).where(*mine).order_by(ChangeRow.id)).all()
            return _marked(session, box, Deed(rows), undone=True, now=now).changes

    def steps(self, user_id: str, now: datetime) -> Steps:
        """Whether there is something to undo, and to redo."""
        with self._database.read() as session:
            return Steps(any(last_done(session, user_id, now)), any(last_undone(session, user_id)))

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
        if change.op in ("clear", "end") and after == state:
            continue
        if renewed := says_again(state, line):
            _strike(session, box, renewed, line.session_id)
        row = line_row(box.user_id, change.key, line)
        row.version, row.group_id = box.version + 1, _group(box, origin)
        row.before, row.after = _values((state, after), row, origin.at, origin.session_id or None)
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


def _strike(session: Session, box: BoxRow, renewed: Held, scope: str) -> None:
    """Strike the line of a wish that is said again: the new line says all of it.

    What a lasting line made of a session's entry stays, since that line says more than the entry.
    """
    row = session.get(ChangeRow, renewed.change_id)
    if row is not None and row.session_id == scope:
        row.undone_version = box.version + 1


def _marked(session: Session, box: BoxRow, deed: Deed, *, undone: bool, now: datetime) -> Undone:
    """Take these lines out of the ledger, or put them back, and fold what they touched anew; feedback likewise."""
    if not any(deed):
        return Undone()
    box.version += 1
    places = dict.fromkeys((Factor(row.factor), row.key) for row in deed.changes)
    before = read_states(session, box.user_id)
    for row in (*deed.changes, *deed.feedback):
        row.undone_version = box.version if undone else None
    session.flush()
    states = {place: fold(read_lines(session, box.user_id, place)) for place in places}
    if states:
        write_states(session, box.user_id, states)
    changes = [(row, (Factor(row.factor), row.key)) for row in deed.changes]
    return Undone(
        tuple(
            _applied(row, *_values((before.get(place, {}), states.get(place, {})), row, now)) for row, place in changes
        ),
        tuple(dict.fromkeys(row.item_id for row in deed.feedback)),
    )


def _values(
    states: tuple[State, State], row: ChangeRow, now: datetime, session_id: str | None = None
) -> tuple[float | None, float | None]:
    """The values in force before and after a change; of a lasting one that the session hides, what lasts."""
    before, after = (value_in_force(state, Factor(row.factor), now, session_id) for state in states)
    if row.session_id == LASTING and (before is None or after is None):
        lasting, left = (value_in_force(state, Factor(row.factor), now, LASTING) for state in states)
        return (before, after) if lasting is None and left is None else (lasting, left)
    return before, after


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
