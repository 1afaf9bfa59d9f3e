"""Users: their profile (constraints and the language of the page), and their right to see and to delete everything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.engine import Database, UnknownUser
from db.tables import Base, BoxRow, EventRow, UserRow
from recommend.request import Listener, UiLanguage

_AT_ONCE = 500
"""Ids in one query."""


class ProfileChanges(TypedDict, total=False):
    """What of a profile can be changed; see `recommend.request.Listener`.

    The language of the audio is not here: it is `Factor.LANGUAGE` in the PBox, so that it can be undone.
    """

    name: str
    ui_language: UiLanguage
    age: Literal["all", "7+", "13+", "18+"]
    consent: bool
    persona: bool
    onboarded: bool


class UserStore:
    """The users of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(
        self, user_id: str, name: str | None = None, *, persona: bool = False, ui_language: UiLanguage = "en"
    ) -> Listener:
        """The user, created where there was none; who exists is left as they are, but for a name that is given."""
        with self._database.read() as session:
            row = session.get(UserRow, user_id)
            if row is not None and name in (None, row.name):
                return _listener(row)
        listener = Listener(user_id=user_id, name=name or "", persona=persona, ui_language=ui_language)
        if row is None:
            try:
                with self._database.write() as session:
                    add_users(session, [listener])
                return listener
            except IntegrityError:  # somebody else made the user a moment ago
                pass
        return self.get(user_id) if name is None else self.update(user_id, name=name)

    def get(self, user_id: str) -> Listener:
        """The user. Raises UnknownUser."""
        with self._database.read() as session:
            row = session.get(UserRow, user_id)
            if row is None:
                raise UnknownUser(user_id)
            return _listener(row)

    def some(self, user_ids: Collection[str]) -> dict[str, Listener]:
        """The users among these ids, by id; who is unknown is missing."""
        found, ids = {}, sorted(user_ids)
        for start in range(0, len(ids), _AT_ONCE):
            with self._database.read() as session:
                some = session.scalars(select(UserRow).where(UserRow.user_id.in_(ids[start : start + _AT_ONCE])))
                found |= {row.user_id: _listener(row) for row in some}
        return found

    def update(self, user_id: str, **changes: Unpack[ProfileChanges]) -> Listener:
        """Change the profile and return it. Consent withdrawn deletes the listening events that were kept.

        Raises UnknownUser, and ValueError for a field or value that a profile does not have.
        """
        unknown = changes.keys() - ProfileChanges.__annotations__.keys()
        if unknown:
            raise ValueError(
                f"a profile has no {', '.join(sorted(unknown))}; it has {', '.join(ProfileChanges.__annotations__)}"
                " (the language of the audio is Factor.LANGUAGE in the PBox)"
            )
        with self._database.write() as session:
            row = session.get(UserRow, user_id, with_for_update=True)
            if row is None:
                raise UnknownUser(user_id)
            listener = Listener.model_validate(_listener(row).model_dump() | changes)
            for field in changes:
                setattr(row, field, getattr(listener, field))
            if not listener.consent:
                session.execute(delete(EventRow).where(EventRow.user_id == user_id))
            return listener

    def list(self) -> Sequence[Listener]:
        """The personas of the demonstration, by id."""
        with self._database.read() as session:
            rows = session.scalars(select(UserRow).where(UserRow.persona).order_by(UserRow.user_id))
            return [_listener(row) for row in rows]

    def forget(self, user_id: str) -> None:
        """Delete everything about a user, in every table and in the database's log. Does nothing for an unknown one."""
        with self._database.write() as session:
            session.get(UserRow, user_id, with_for_update=True)
            for table in reversed(personal_tables()):
                session.execute(delete(table).where(table.c.user_id == user_id))
        self._database.truncate_log()

    def export(self, user_id: str) -> dict[str, Any]:
        """Everything that is kept about a user, by table, as values that JSON can hold. Raises UnknownUser."""
        with self._database.read() as session:
            require_user(session, user_id)
            return {table.name: _rows(session, table, user_id) for table in personal_tables()}


def personal_tables() -> Sequence[Table]:
    """Every table that holds something about users, the users themselves first."""
    return [table for table in Base.metadata.sorted_tables if "user_id" in table.c]


def add_users(session: Session, listeners: Sequence[Listener], *, simulated: bool = False) -> None:
    """New users, each with an empty PBox, in the caller's transaction."""
    users = [listener.model_dump() | {"simulated": simulated, "row_version": 1} for listener in listeners]
    if users:
        session.execute(insert(UserRow), users)
        session.execute(insert(BoxRow), [{"user_id": listener.user_id, "version": 0} for listener in listeners])


def require_user(session: Session, user_id: str) -> None:
    """Raise UnknownUser where there is no such user (any more)."""
    if session.get(UserRow, user_id) is None:
        raise UnknownUser(user_id)


def _listener(row: UserRow) -> Listener:
    return Listener.model_validate({name: getattr(row, name) for name in Listener.model_fields})


def _rows(session: Session, table: Table, user_id: str) -> Sequence[dict[str, Any]]:
    found = session.execute(select(table).where(table.c.user_id == user_id).order_by(*table.primary_key.columns))
    return [{name: _plain(value) for name, value in row._mapping.items()} for row in found]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
