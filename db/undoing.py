"""Which rows an undo or a redo is about: PBox changes with the feedback of their turn, or feedback alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.tables import ChangeRow, EventRow


class Deed(NamedTuple):
    """What is taken back, or made again, in one step."""

    changes: Sequence[ChangeRow] = ()
    feedback: Sequence[EventRow] = ()


def last_done(session: Session, user_id: str, now: datetime, but: str | None = None, only: str | None = None) -> Deed:
    """What the user did last and did not take back; empty where there is nothing.

    Changes that only concerned a session that is over are passed by, and what belongs to the turn `but`, or to any but
    the turn `only`.
    """
    changes, feedback = _changes_in_force(user_id, now), _feedback_in_force(user_id)
    if but:
        changes, feedback = changes.where(ChangeRow.turn_id != but), feedback.where(EventRow.turn_id != but)
    if only is not None:
        changes, feedback = changes.where(ChangeRow.turn_id == only), feedback.where(EventRow.turn_id == only)
    change = session.scalar(changes.order_by(ChangeRow.id.desc()).limit(1))
    given = session.scalar(feedback.order_by(EventRow.id.desc()).limit(1))
    if given is not None and (change is None or (given.at > change.at and given.turn_id != change.turn_id)):
        return Deed(feedback=_of_turns(session, feedback, {given.turn_id}))
    if change is None:
        return Deed()
    group = session.scalars(changes.where(ChangeRow.group_id == change.group_id).order_by(ChangeRow.id)).all()
    return Deed(group, _of_turns(session, feedback, {row.turn_id for row in group}))


def last_undone(session: Session, user_id: str) -> Deed:
    """What the last undo took back; empty where there is none or a parameter was changed since."""
    newest = select(func.max(ChangeRow.version), func.max(ChangeRow.undone_version)).where(ChangeRow.user_id == user_id)
    written, undone_change = session.execute(newest).one()
    mine = EventRow.user_id == user_id, ~EventRow.seen
    undone_feedback = session.scalar(select(func.max(EventRow.undone_version)).where(*mine))
    undone = max(undone_change or 0, undone_feedback or 0)
    # A change that says again what another one said takes it back at its own version: that was no undo.
    if undone <= (written or 0):
        return Deed()
    changes = select(ChangeRow).where(ChangeRow.user_id == user_id, ChangeRow.undone_version == undone)
    feedback = select(EventRow).where(*mine, EventRow.undone_version == undone)
    return Deed(
        session.scalars(changes.order_by(ChangeRow.id)).all(), session.scalars(feedback.order_by(EventRow.id)).all()
    )


def _changes_in_force(user_id: str, now: datetime) -> Select[ChangeRow]:
    alive = ChangeRow.undone_version.is_(None), (ChangeRow.expires_at.is_(None) | (ChangeRow.expires_at > now))
    return select(ChangeRow).where(ChangeRow.user_id == user_id, *alive)


def _feedback_in_force(user_id: str) -> Select[EventRow]:
    """What was done with items in a turn; a play that was only tapped belongs to none."""
    given = EventRow.turn_id.is_not(None), EventRow.undone_version.is_(None)
    return select(EventRow).where(EventRow.user_id == user_id, ~EventRow.seen, *given)


def _of_turns(session: Session, feedback: Select[EventRow], turn_ids: Collection[str | None]) -> Sequence[EventRow]:
    return session.scalars(feedback.where(EventRow.turn_id.in_(turn_ids)).order_by(EventRow.id)).all()
