"""The tables, and what is true of all of them: times are UTC, and every table about a user has a `user_id`.

`pbox_changes` is the truth about a PBox (append-only but for the undo mark); `pbox_entries` is what it folds to, kept
so that reading is quick; `pboxes` carries the version that every write raises. Change a table only together with a
new script in `migrations/versions/`; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Json = JSON().with_variant(JSONB(), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A point in time: aware datetimes in and out, UTC in the table. Refuses naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; pass an aware datetime such as datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: Moment(), dict[str, Any]: Json, list[Any]: Json}


def _owner(**more: Any) -> Mapped[str]:
    return mapped_column(String(128), ForeignKey("users.user_id", ondelete="CASCADE"), **more)


class UserRow(Base):
    __tablename__ = "users"

    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    ui_language: Mapped[str] = mapped_column(String(8))
    age: Mapped[str] = mapped_column(String(8))
    consent: Mapped[bool]
    persona: Mapped[bool]
    onboarded: Mapped[bool]
    simulated: Mapped[bool]
    """Made by the generator of the demonstration: it and its events are replaced together."""
    row_version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": row_version}


class BoxRow(Base):
    """One per user, locked by every writer of that user's PBox."""

    __tablename__ = "pboxes"

    user_id: Mapped[str] = _owner(primary_key=True)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}


class EntryRow(Base):
    __tablename__ = "pbox_entries"
    __table_args__ = (UniqueConstraint("user_id", "factor", "key", "session_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = _owner()
    factor: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(400))
    session_id: Mapped[str] = mapped_column(String(128))
    """The conversation that it belongs to; "" for a lasting entry."""
    value: Mapped[float | None]
    """As of `set_at`. None: taken away for this session, which hides the lasting entry."""
    hard: Mapped[bool]
    said: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    half_life_days: Mapped[float | None]
    source: Mapped[str] = mapped_column(String(16))
    turn_id: Mapped[str] = mapped_column(String(128))
    change_id: Mapped[int]


class ChangeRow(Base):
    __tablename__ = "pbox_changes"
    __table_args__ = (Index(None, "user_id", "factor", "key"), Index(None, "user_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = _owner()
    version: Mapped[int]
    """The PBox version that this change made."""
    group_id: Mapped[str] = mapped_column(String(160))
    """Changes that are undone together."""
    undone_version: Mapped[int | None]
    """The PBox version that took it back, or in which the same was said again; None while it is in force."""
    turn_id: Mapped[str] = mapped_column(String(128))
    factor: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(400))
    op: Mapped[str] = mapped_column(String(8))
    value: Mapped[float]
    hard: Mapped[bool]
    session_id: Mapped[str] = mapped_column(String(128))
    said: Mapped[str] = mapped_column(Text)
    half_life_days: Mapped[float | None]
    source: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    before: Mapped[float | None]
    after: Mapped[float | None]
    __mapper_args__ = {"eager_defaults": False}


class ItemRow(Base):
    """The names of what events and lists refer to; the catalogue itself lives in `catalog/`."""

    __tablename__ = "items"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    """Changes when any field of the item changes."""


class EventRow(Base):
    __tablename__ = "events"
    __table_args__ = (Index(None, "user_id", "seen", "at"), Index(None, "slate_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = _owner()
    item_id: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    seen: Mapped[bool]
    """Whether it is an impression: they outnumber the rest and are read apart."""
    at: Mapped[datetime]
    value: Mapped[float | None]
    slate_id: Mapped[str | None] = mapped_column(String(128))
    position: Mapped[int | None]
    turn_id: Mapped[str | None] = mapped_column(String(128))
    """The turn or tap that gave it as feedback, with which it is undone; None where it cannot be."""
    undone_version: Mapped[int | None]
    """The PBox version that took it back; None while it counts."""


class RequestRow(Base):
    """One recommendation request and the list that answered it."""

    __tablename__ = "requests"
    __table_args__ = (Index(None, "user_id", "conversation_id", "seq"),)

    seq: Mapped[int] = mapped_column(primary_key=True)
    slate_id: Mapped[str] = mapped_column(String(128), unique=True)
    user_id: Mapped[str] = _owner()
    conversation_id: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]
    intent: Mapped[str] = mapped_column(String(16))
    pbox_version: Mapped[int]
    request: Mapped[dict[str, Any]]
    item_ids: Mapped[list[Any]]
    candidates: Mapped[list[Any]]
    slate: Mapped[dict[str, Any]]


class TurnRow(Base):
    __tablename__ = "turns"
    __table_args__ = (Index(None, "user_id", "conversation_id", "seq"),)

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(128), unique=True)
    user_id: Mapped[str] = _owner()
    conversation_id: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime]
    user_text: Mapped[str] = mapped_column(Text)
    reply: Mapped[str] = mapped_column(Text)
    calls: Mapped[list[Any]]
    prompt_version: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    confidence: Mapped[float | None]
    timings_ms: Mapped[dict[str, Any]]
    asked: Mapped[str | None] = mapped_column(String(32))
    about: Mapped[str | None] = mapped_column(String(120))
    slate_ids: Mapped[list[Any]]


class TrainingRow(Base):
    """One run of the models' training. It names no user: forgetting leaves it."""

    __tablename__ = "trainings"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    seconds: Mapped[float]
    catalogue: Mapped[str] = mapped_column(String(64))
    """Fingerprint of the items."""
    events: Mapped[int]
    last_event: Mapped[int]
    """Id of the newest event that was learnt from."""
    outcome: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[dict[str, Any]]


class LeaseRow(Base):
    """Who does something that only one process at a time may do."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]
