"""The journal: every turn with its calls, wording and timing, and every list with the request that it answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select, update

from db.engine import Database
from db.tables import RequestRow, TurnRow
from db.users import require_user
from recommend.request import Candidate, Request, Slate


class TurnRecord(BaseModel, frozen=True, extra="forbid"):
    """One exchange of a conversation."""

    id: str
    user_id: str
    conversation_id: str
    user_text: str
    reply: str
    calls: tuple[dict[str, Any], ...] = ()
    """Every tool call with its arguments and what came of it."""
    prompt_version: str = ""
    """Name and hash of the wording ("agent@5f9f93e9")."""
    model: str = ""
    confidence: float | None = None
    timings_ms: dict[str, float] = {}
    asked: str | None = None
    """What the assistant asked about, if it did."""
    about: str | None = None
    """Item id that the talk has come to."""
    slate_ids: tuple[str, ...] = ()
    """Lists that this turn brought, oldest first."""
    at: datetime


class Journal:
    """What was said and shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def slate(
        self,
        user_id: str,
        slate: Slate,
        request: Request,
        *,
        conversation_id: str = "",
        candidates: Sequence[Candidate] = (),
    ) -> None:
        """Keep a list with its request (the history within it is kept as events, not here).

        Without a conversation it joins the one whose turn names it later. Raises UnknownUser, and
        IntegrityError for a known slate id.
        """
        asked = request.model_dump(mode="json", exclude={"history"}) | {"events": len(request.history.events)}
        with self._database.write() as session:
            require_user(session, user_id)
            session.add(
                RequestRow(
                    slate_id=slate.slate_id,
                    user_id=user_id,
                    conversation_id=conversation_id,
                    at=request.now,
                    intent=slate.intent,
                    pbox_version=slate.pbox_version,
                    request=asked,
                    item_ids=list(slate.item_ids),
                    candidates=[candidate.model_dump(mode="json") for candidate in candidates],
                    slate=slate.model_dump(mode="json"),
                )
            )

    def last_slate(self, user_id: str, conversation_id: str) -> list[str]:
        """Item ids of the list that is on this conversation's screen, first to last; empty when none was shown."""
        with self._database.read() as session:
            return list(session.scalar(_newest(RequestRow.item_ids, user_id, conversation_id)) or [])

    def lately_shown(self, user_id: str, conversation_id: str, lists: int = 10) -> set[str]:
        """Item ids of the last few lists of this conversation."""
        with self._database.read() as session:
            newest = _newest(RequestRow.item_ids, user_id, conversation_id, lists)
            return {item for items in session.scalars(newest) for item in items}

    def shown(self, user_id: str, conversation_id: str) -> Slate | None:
        """The whole list that is on this conversation's screen, or None."""
        with self._database.read() as session:
            kept = session.scalar(_newest(RequestRow.slate, user_id, conversation_id))
        return None if kept is None else Slate.model_validate(kept)

    def request(self, user_id: str, conversation_id: str) -> dict[str, Any]:
        """The request behind the list on this conversation's screen, without its history; empty when none was shown."""
        with self._database.read() as session:
            return dict(session.scalar(_newest(RequestRow.request, user_id, conversation_id)) or {})

    def replaced(
        self, user_id: str, conversation_id: str, turn_ids: Collection[str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The request of the first list that these turns brought, and the one whose place it took; {} for none."""
        lists = RequestRow.user_id == user_id, RequestRow.conversation_id == conversation_id
        spoken = TurnRow.user_id == user_id, TurnRow.id.in_(turn_ids)
        with self._database.read() as session:
            brought = [slate for ids in session.scalars(select(TurnRow.slate_ids).where(*spoken)) for slate in ids]
            first = select(RequestRow.seq, RequestRow.request).where(*lists, RequestRow.slate_id.in_(brought))
            found = session.execute(first.order_by(RequestRow.seq).limit(1)).first()
            if found is None:
                return {}, {}
            earlier = select(RequestRow.request).where(*lists, RequestRow.seq < found.seq)
            before = session.scalar(earlier.order_by(RequestRow.seq.desc()).limit(1))
        return dict(found.request), dict(before or {})

    def turn(self, record: TurnRecord) -> None:
        """Keep a turn; one that is known is replaced, but only by its own user (ValueError). Raises UnknownUser."""
        values = record.model_dump() | {"calls": list(record.calls), "slate_ids": list(record.slate_ids)}
        with self._database.write() as session:
            require_user(session, record.user_id)
            known = session.scalar(select(TurnRow).where(TurnRow.id == record.id))
            if known is not None and known.user_id != record.user_id:
                raise ValueError(f"turn {record.id!r} belongs to another user; turn ids must be new")
            row = known or TurnRow()
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)
            mine = RequestRow.user_id == record.user_id, RequestRow.slate_id.in_(record.slate_ids)
            joining = update(RequestRow).where(*mine, RequestRow.conversation_id == "")
            session.execute(joining.values(conversation_id=record.conversation_id))

    def turns(self, user_id: str, conversation_id: str, limit: int = 20) -> list[TurnRecord]:
        """The last turns of a conversation, oldest first."""
        mine = TurnRow.user_id == user_id, TurnRow.conversation_id == conversation_id
        with self._database.read() as session:
            rows = session.scalars(select(TurnRow).where(*mine).order_by(TurnRow.seq.desc()).limit(limit)).all()
        return [_record(row) for row in reversed(rows)]

    def last_conversation(self, user_id: str, stem: str = "") -> str | None:
        """The conversation in which the user last spoke, of those whose id begins with `stem`, or None."""
        theirs = TurnRow.user_id == user_id, TurnRow.conversation_id.startswith(stem, autoescape=True)
        newest = select(TurnRow.conversation_id).where(*theirs).order_by(TurnRow.seq.desc())
        with self._database.read() as session:
            return session.scalar(newest.limit(1))


def _newest(column: Any, user_id: str, conversation_id: str, lists: int = 1) -> Any:
    mine = RequestRow.user_id == user_id, RequestRow.conversation_id == conversation_id
    return select(column).where(*mine).order_by(RequestRow.seq.desc()).limit(lists)


def _record(row: TurnRow) -> TurnRecord:
    return TurnRecord.model_validate({name: getattr(row, name) for name in TurnRecord.model_fields})
