"""Events: what people did with items. Nothing at all is kept of a user without consent, a dislike neither.

Impressions outnumber all else, so they are read apart: they never push a play out of the history. Feedback that was
taken back (see `PBoxStore.undo`) is kept for a redo, but neither read nor learnt from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import Select, bindparam, delete, func, insert, outerjoin, select
from sqlalchemy.orm import Session

from db.engine import Database, UnknownUser
from db.tables import EventRow, RequestRow, UserRow
from db.users import add_users
from recommend.interactions import REJECTED, strength
from recommend.request import Event, EventKind, Exposure, History, Listener, Slate

_E = EventRow.__table__.c
_COLUMNS = (_E.user_id, _E.item_id, _E.kind, _E.at, _E.value)
_LAST = (
    select(*_COLUMNS)
    .where(_E.user_id == bindparam("user_id"), _E.seen == bindparam("seen"), _E.undone_version.is_(None))
    .order_by(_E.at.desc(), _E.id.desc())
    .limit(bindparam("limit"))
)
HEARD = ("play", "finished")
VERDICTS = ("like", "dislike", "finished", "save", "play", "rating")
"""Events that may be the last word about an item."""
_EVENTS = TypeAdapter(list[Event])
_CHUNK = 5_000
_EPOCH = datetime.fromtimestamp(0, UTC)


class Extent(NamedTuple):
    """How far the event log reaches."""

    events: int
    last_event: int
    """Id of the newest event; 0 for none."""
    until: datetime
    """When the last event happened."""


class EventStore:
    """The events of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def log(  # noqa: PLR0913 - what happened and where on which list is one event
        self,
        user_id: str,
        item_id: str,
        kind: EventKind,
        now: datetime,
        value: float | None = None,
        *,
        slate_id: str | None = None,
        position: int | None = None,
        turn_id: str | None = None,
    ) -> bool:
        """Keep one event: seconds as value for a dwell, stars for a rating. False where the user gave no consent.

        With the `turn_id` of what was said or tapped it can be undone together with it. Raises UnknownUser.
        """
        event = Event(user_id=user_id, item_id=item_id, kind=kind, at=now, value=value)
        with self._database.write() as session:
            if not _consents(session, user_id):
                return False
            session.add(EventRow(**_columns(event), slate_id=slate_id, position=position, turn_id=turn_id))
        return True

    def impressions(self, slate: Slate, user_id: str | None = None, now: datetime | None = None) -> None:
        """Keep that a list was shown, once however often it is drawn.

        User and time are those of the journalled request unless both are given. Raises LookupError for a list that
        `Journal.slate` does not know.
        """
        with self._database.write() as session:
            owner, at = _request_of(session, slate.slate_id) if user_id is None or now is None else (user_id, now)
            if not _consents(session, owner) or _shown_already(session, slate.slate_id):
                return
            for card in slate.cards:
                event = Event(user_id=owner, item_id=card.candidate.item_id, kind="impression", at=at)
                session.add(EventRow(**_columns(event), slate_id=slate.slate_id, position=card.position))

    def history(self, user_id: str, limit: int = 200) -> History:
        """The user's last `limit` actions and half as many impressions, oldest first, and what holds from before."""
        seen = {"user_id": user_id, "seen": True, "limit": limit // 2}
        done = {"user_id": user_id, "seen": False, "limit": limit}
        with self._database.read() as session:
            rows = [row for which in (seen, done) for row in reversed(session.execute(_LAST, which).all())]
            words = _last_words(session, user_id)
            heard = session.scalars(select(_E.item_id).distinct().where(*_mine(user_id), _E.kind.in_(HEARD))).all()
        rows.sort(key=lambda row: row.at)
        rejected = frozenset(event.item_id for event in words if strength(event) <= REJECTED)
        return History(events=tuple(_events(rows)), heard=frozenset(heard), rejected=rejected)

    def all(self, up_to: int | None = None) -> Iterator[Event]:
        """Every event that may be learnt from (with an id of at most `up_to`), in the order of keeping.

        Read in pieces: writers are not held up.
        """
        for rows in self._pieces(select(*_COLUMNS, _E.id).where(_E.undone_version.is_(None)), up_to):
            yield from _events(rows)

    def exposures(self, up_to: int | None = None) -> Iterator[Exposure]:
        """Every list that was shown and may be learnt from, in the order of keeping.

        Impressions that no journalled list goes with are lists of a listener's own page, in their order.
        """
        for (user_id, at, _, intent), shown in groupby(self._shown(up_to), lambda row: row[:4]):
            lines = list(shown)
            places = {
                row.item_id: place if row.position is None else row.position - 1 for place, row in enumerate(lines)
            }
            yield Exposure(user_id=user_id, at=at, intent=intent or "home", places=places)

    def _shown(self, up_to: int | None) -> Iterator[Any]:
        """The impressions, with what their lists were for."""
        intent = RequestRow.__table__.c.intent
        columns = (_E.user_id, _E.at, _E.slate_id, intent, _E.item_id, _E.position, _E.id)
        joined = outerjoin(EventRow, RequestRow, EventRow.slate_id == RequestRow.slate_id)
        for rows in self._pieces(select(*columns).select_from(joined).where(_E.seen), up_to):
            yield from rows

    def _pieces(self, query: Select, up_to: int | None) -> Iterator[Sequence[Any]]:
        """The rows of a query over events, by id, with an id of at most `up_to`: each piece in a session of its own."""
        last = 0
        while True:
            piece = query.where(_E.id > last).order_by(_E.id).limit(_CHUNK)
            if up_to is not None:
                piece = piece.where(_E.id <= up_to)
            with self._database.read() as session:
                rows = session.execute(piece).all()
            if not rows:
                return
            yield rows
            last = rows[-1].id

    def extent(self, up_to: int | None = None) -> Extent:
        """How far the log reaches, or reached at the event `up_to`: less than it did then where events were deleted."""
        query = select(func.count(), func.max(_E.id), func.max(_E.at))
        if up_to is not None:
            query = query.where(_E.id <= up_to)
        with self._database.read() as session:
            count, last, until = session.execute(query).one()
        return Extent(count, last or 0, until or _EPOCH)

    def actions_after(self, event_id: int) -> int:
        """How many events came in after one, impressions aside."""
        query = select(func.count()).where(_E.id > event_id, ~_E.seen)
        with self._database.read() as session:
            return session.scalar(query) or 0

    def bulk(self, events: Iterable[Event]) -> int:
        """Keep many events in one transaction; how many were kept (those of users with consent).

        Raises UnknownUser for the first event of somebody unknown, and keeps none then.
        """
        with self._database.write() as session:
            return _insert(session, events)

    def replace_simulated(self, listeners: Sequence[Listener], events: Iterable[Event]) -> int:
        """Put a new simulated population in place of the old one, all or nothing; how many events were kept.

        Everything of the old population goes, its personas' parameters too. Raises ValueError where an id belongs to a
        real user.
        """
        with self._database.write() as session:
            session.execute(delete(UserRow).where(UserRow.simulated))
            taken = set(session.scalars(select(UserRow.user_id))) & {listener.user_id for listener in listeners}
            if taken:
                raise ValueError(f"users {sorted(taken)} are real: give the simulated listeners other ids")
            add_users(session, listeners, simulated=True)
            return _insert(session, events)


def _mine(user_id: str) -> tuple[Any, ...]:
    return _E.user_id == user_id, ~_E.seen, _E.undone_version.is_(None)


def _last_words(session: Session, user_id: str) -> list[Event]:
    """The last event about each item among those that may say yes or no to it."""
    newest = select(func.max(_E.id)).where(*_mine(user_id), _E.kind.in_(VERDICTS)).group_by(_E.item_id)
    return _events(session.execute(select(*_COLUMNS).where(_E.id.in_(newest))).all())


def _consents(session: Session, user_id: str) -> bool:
    consent = session.scalar(select(UserRow.consent).where(UserRow.user_id == user_id))
    if consent is None:
        raise UnknownUser(user_id)
    return consent


def _request_of(session: Session, slate_id: str) -> tuple[str, datetime]:
    made = session.execute(select(RequestRow.user_id, RequestRow.at).where(RequestRow.slate_id == slate_id)).first()
    if made is None:
        raise LookupError(f"list {slate_id!r} is not in the journal: call Journal.slate first, or say whose it is")
    return made.user_id, made.at


def _shown_already(session: Session, slate_id: str) -> bool:
    shown = select(EventRow.id).where(EventRow.slate_id == slate_id, EventRow.seen).limit(1)
    return session.scalar(shown) is not None


def _insert(session: Session, events: Iterable[Event]) -> int:
    consent = {user_id: agreed for user_id, agreed in session.execute(select(UserRow.user_id, UserRow.consent))}
    kept = 0
    coming = iter(events)
    while chunk := list(islice(coming, _CHUNK)):
        stranger = next((event.user_id for event in chunk if event.user_id not in consent), None)
        if stranger is not None:
            raise UnknownUser(stranger)
        rows = [_columns(event) for event in chunk if consent[event.user_id]]
        if rows:
            session.execute(insert(EventRow), rows)
        kept += len(rows)
    return kept


def _columns(event: Event) -> dict[str, Any]:
    return event.model_dump() | {"seen": event.kind == "impression"}


def _events(rows: Sequence[Any]) -> list[Event]:
    return _EVENTS.validate_python(
        [{"user_id": row[0], "item_id": row[1], "kind": row[2], "at": row[3], "value": row[4]} for row in rows]
    )
