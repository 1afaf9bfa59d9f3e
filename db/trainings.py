"""The history of the models' training, and the lease that lets one process at a time train."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from db.engine import Database
from db.tables import LeaseRow, TrainingRow
from recommend.learning import Verdict

LEASE = timedelta(minutes=3)
"""So long after its last sign of life a trainer counts as dead."""
_NAME = "training"

Outcome = Literal["accepted", "refused", "failed"]


class Training(BaseModel, frozen=True, extra="forbid"):
    """One run and what it came to."""

    at: datetime
    """When it began."""
    seconds: float
    catalogue: str
    events: int
    last_event: int
    outcome: Outcome
    verdict: Verdict
    """The figures of the gate; the reasons of a failure too."""


class TrainingStore:
    """The trainings of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, training: Training) -> None:
        """Add a run to the history."""
        values = training.model_dump(exclude={"verdict"}) | {"verdict": training.verdict.model_dump(mode="json")}
        with self._database.write() as session:
            session.add(TrainingRow(**values))

    def last(self, limit: int = 20, catalogue: str | None = None) -> Sequence[Training]:
        """The last runs, newest first; only those over one catalogue where its fingerprint is given."""
        query = select(TrainingRow).order_by(TrainingRow.id.desc()).limit(limit)
        if catalogue is not None:
            query = query.where(TrainingRow.catalogue == catalogue)
        with self._database.read() as session:
            rows = session.scalars(query).all()
        return [Training.model_validate({name: getattr(row, name) for name in Training.model_fields}) for row in rows]

    def lease(self, holder: str, now: datetime) -> bool:
        """Take the lease, or keep it; False where somebody else has it."""
        try:
            with self._database.write() as session:
                row = session.get(LeaseRow, _NAME, with_for_update=True)
                if row is None:
                    session.add(LeaseRow(name=_NAME, holder=holder, until=now + LEASE))
                    return True
                if row.holder != holder and row.until > now:
                    return False
                row.holder, row.until = holder, now + LEASE
                return True
        except IntegrityError:  # somebody else made the row a moment ago
            return False

    def release(self, holder: str) -> None:
        """Give the lease back, if it is still this holder's."""
        with self._database.write() as session:
            session.execute(delete(LeaseRow).where(LeaseRow.name == _NAME, LeaseRow.holder == holder))
