"""The feedback loop: trains new models when enough has happened, and puts the accepted ones into service.

A thread looks every few seconds whether another process has put new models into service, and every minute whether a
training is due. The training itself runs in a process of its own (`db.trainer`), in one application at a time (a lease
in the database). A training that is refused or fails leaves everything as it was and is kept in the history. Processes
that share a database must share the folder of bundles too.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from catalog.catalogue import Catalogue
from db.events import EventStore, Extent
from db.trainer import Job, Trainer
from db.trainings import LEASE, Training, TrainingStore
from recommend.bundles import Bundle, Bundles
from recommend.fine import Scorer
from recommend.models import Models, fingerprint, fit_models
from recommend.rankers import Ranker, learnt_ranker
from recommend.verdicts import Verdict

log = logging.getLogger(__name__)

LEAST_NEW, MANY_NEW = 50, 2000
"""Actions since the last training that make one due when its time has come, and that make one due before."""
REST = 5.0
"""However much happens, training takes at most one part in REST + 1 of the time."""
SHORTEST = timedelta(minutes=1)
MOST_AT_START = 200_000
"""With more events the first models are not waited for: until they are there, nothing learnt serves."""
LOOK_S, DUE_S = 5.0, 60.0
Serve = Callable[[Models, Scorer | None], None]
"""Puts models into service, and a scorer if one is given, at once (`recommend.pipeline.Pipeline.swap`)."""


class Learner:
    """Keeps one application's models up to date."""

    def __init__(
        self,
        events: EventStore,
        trainings: TrainingStore,
        bundles: Bundles,
        catalogue: Catalogue,
        trainer: Trainer,
        ranker: Ranker = "additive",
    ) -> None:
        """ranker: what orders the lists; "lambdamart" is learnt with the models, the others are left alone."""
        self._events, self._trainings, self._bundles = events, trainings, bundles
        self._catalogue, self._trainer = catalogue, trainer
        self._ranker: Ranker = ranker
        self._fingerprint = fingerprint(catalogue)
        self._holder = uuid.uuid4().hex
        self._name = ""
        self._forgotten = ("", 0)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def opening(self, *, minutes: float) -> Models:
        """The models to start with: those of the last run where they still hold, else fitted now."""
        bundle, extent = self._serving(), self._events.extent()
        if bundle is not None and self._holds(bundle, extent, minutes):
            models = self._bundles.load(bundle, self._catalogue)
            if models is not None:
                self._name = bundle.name
                return models
        if minutes and extent.events > MOST_AT_START:
            log.info("learning=first events=%d", extent.events)
            return Models.empty(self._catalogue)
        models = fit_models(self._catalogue, self._events.all(extent.last_event))
        self._keep_first(models, extent)
        return models

    def scorer(self) -> Scorer | None:
        """The learnt ranker that goes with the models in service, the shipped one where they have none.

        None where rankers are left alone.
        """
        if self._ranker != "lambdamart":
            return None
        return learnt_ranker(self._bundles.ranker(self._name), self._catalogue)

    def start(self, serve: Serve, *, minutes: float) -> None:
        """Learn in the background, every `minutes` if there is something to learn; 0: never."""
        if minutes and self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(serve, minutes), name="learner", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread, and a training that runs."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def due(self, now: datetime, *, minutes: float) -> bool:
        """Whether it is time to train, and there is something to learn or to forget."""
        bundle = self._serving()
        last = next(iter(self._trainings.last(1, self._fingerprint)), None)
        waited = now - last.at if last else timedelta.max
        if bundle is None:
            return waited >= timedelta(minutes=minutes)
        lost = self._lost(bundle)  # at each look: later events may take the ids of those that were deleted
        new = self._events.actions_after(last.last_event if last else bundle.last_event)
        if waited >= timedelta(minutes=minutes):
            return new >= LEAST_NEW or lost > 0
        rest = max(SHORTEST, timedelta(seconds=REST * last.seconds if last else 0.0))
        return new >= MANY_NEW and waited >= rest

    def train(self, now: datetime) -> Training | None:
        """One training, kept in the history; None where another process is at it."""
        if not self._trainings.lease(self._holder, now):
            return None
        try:
            training = self._trained(now)
            self._trainings.keep(training)
        finally:
            self._trainings.release(self._holder)
        reasons = "; ".join(training.verdict.reasons)
        log.info("training=%s events=%d s=%.1f: %s", training.outcome, training.events, training.seconds, reasons)
        return training

    def pick_up(self, serve: Serve) -> bool:
        """Take the newest bundle into service, whoever trained it; False where it serves already."""
        bundle = self._serving()
        if bundle is None or bundle.name == self._name:
            return False
        self._name = bundle.name
        models = self._bundles.load(bundle, self._catalogue)
        if models is None:
            log.warning("bundle=%s cannot be read; the models stay as they are", bundle.name)
            return False
        serve(models, self.scorer())
        log.info("bundle=%s serves, events=%d", bundle.name, bundle.events)
        return True

    def _run(self, serve: Serve, minutes: float) -> None:
        checked = time.monotonic() - DUE_S
        while not self._stop.wait(LOOK_S):
            try:
                self.pick_up(serve)
                if time.monotonic() - checked < DUE_S:
                    continue
                checked, now = time.monotonic(), datetime.now(UTC)
                if self.due(now, minutes=minutes) and self.train(now):
                    self.pick_up(serve)
            except Exception:  # the thread's border: the next look may go better
                log.exception("the learner could not do its work; the models stay as they are")

    def _trained(self, now: datetime) -> Training:
        extent, started = self._events.extent(), time.monotonic()
        try:
            verdict = self._attempt(extent)
            outcome = "accepted" if verdict.changes else "refused"
        except Exception as error:  # the job's border: whatever went wrong, the old models serve
            log.exception("the training failed; the models stay as they are")
            outcome, verdict = "failed", Verdict(accepted=False, reasons=(f"{type(error).__name__}: {error}",))
        return Training(
            at=now,
            seconds=round(time.monotonic() - started, 3),
            catalogue=self._fingerprint,
            events=extent.events,
            last_event=extent.last_event,
            outcome=outcome,
            verdict=verdict,
        )

    def _attempt(self, extent: Extent) -> Verdict:
        serving, draft = self._serving(), self._bundles.draft()
        lease = _Lease(self._trainings, self._holder, self._stop)
        job = Job(
            folder=self._bundles.folder,
            draft=draft,
            serving=serving,
            forgotten=self._lost(serving) if serving else 0,
            last_event=extent.last_event,
            ranker=self._ranker,
        )
        verdict = self._trainer(job, lease)
        if verdict.changes:
            lease.keep()
            # Models that stay know no more than before, whatever a new ranker has learnt.
            known = None if verdict.accepted else serving
            self._bundles.publish(draft, self._bundle(extent) if known is None else _renamed(known))
        return verdict

    def _bundle(self, extent: Extent) -> Bundle:
        return Bundle(name=uuid.uuid4().hex[:12], catalogue=self._fingerprint, **extent._asdict())

    def _keep_first(self, models: Models, extent: Extent) -> None:
        """Write models that were fitted at the start, unless another process is just training."""
        now = datetime.now(UTC)
        if not self._trainings.lease(self._holder, now):
            return
        try:
            serving, draft, bundle = self._serving(), self._bundles.draft(), self._bundle(extent)
            if serving is not None and not self._lost(serving):
                self._bundles.keep_ranker(serving, draft)
            models.save(draft, self._catalogue)
            self._bundles.publish(draft, bundle)
            self._name = bundle.name
            verdict = Verdict(accepted=True, reasons=("fitted at the start",))
            self._trainings.keep(
                Training(at=now, seconds=0.0, catalogue=self._fingerprint, events=extent.events,
                         last_event=extent.last_event, outcome="accepted", verdict=verdict)
            )  # fmt: skip
        finally:
            self._trainings.release(self._holder)

    def _serving(self) -> Bundle | None:
        bundle = self._bundles.serving()
        return bundle if bundle is not None and bundle.catalogue == self._fingerprint else None

    def _holds(self, bundle: Bundle, extent: Extent, minutes: float) -> bool:
        """Whether a start may go on with a bundle: nothing has changed, or it will be learnt in the background."""
        if (bundle.events, bundle.last_event) == (extent.events, extent.last_event):
            return True
        return bool(minutes) and (extent.events > MOST_AT_START or not self._lost(bundle))

    def _lost(self, bundle: Bundle) -> int:
        """How many events of a bundle were deleted since. Kept once seen: SQLite gives freed ids away again."""
        name, seen = self._forgotten
        count = max(0, bundle.events - self._events.extent(bundle.last_event).events)
        self._forgotten = (bundle.name, max(count, seen if name == bundle.name else 0))
        return self._forgotten[1]


def _renamed(bundle: Bundle) -> Bundle:
    return bundle.model_copy(update={"name": uuid.uuid4().hex[:12]})


class _Lease:
    """Whether a training may go on: nobody stopped it, and the lease is still ours (kept up while it is asked for)."""

    def __init__(self, trainings: TrainingStore, holder: str, stop: threading.Event) -> None:
        self._trainings, self._holder, self._stop = trainings, holder, stop
        self._kept = time.monotonic()

    def __call__(self) -> bool:
        if time.monotonic() - self._kept > LEASE.total_seconds() / 4:
            self._kept = time.monotonic()
            return not self._stop.is_set() and self._trainings.lease(self._holder, datetime.now(UTC))
        return not self._stop.is_set()

    def keep(self) -> None:
        """Raises RuntimeError where another process has taken over meanwhile."""
        if not self._trainings.lease(self._holder, datetime.now(UTC)):
            raise RuntimeError("another process has begun to train meanwhile")
