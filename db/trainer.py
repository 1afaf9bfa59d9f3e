"""One training in a process of its own, so that no request waits for it.  Run by `db.learning`: python -m db.trainer

A thread would not do: SciPy's LAPACK holds Python's lock for as long as it inverts a matrix. The process takes one line
of JSON (an `Order`) from its standard input, gives one back (a `Verdict`), computes on one thread at low priority, and
ends when its input closes: it does not outlive the application.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.demo import demo_items
from catalog.opening import imported_items, words_of
from db.engine import open_database
from db.events import EventStore
from recommend.bundles import Bundle, Bundles
from recommend.learning import Fit, Serving, Verdict, learn
from recommend.models import fingerprint, fit_models

ROOT = Path(__file__).parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
NICENESS = 10
LOOK_S = 0.2
"""How often the waiting side looks whether it should go on waiting."""


class TrainingFailed(RuntimeError):
    """A training came to no verdict; the text says why. For the history and the log."""


class Job(BaseModel, frozen=True, extra="forbid"):
    """What to train."""

    folder: Path
    """The folder of bundles."""
    draft: Path
    """Where to write models that are accepted."""
    serving: Bundle | None
    forgotten: int = 0
    """How many events of the serving models were deleted since."""
    last_event: int
    """Id of the newest event to learn from."""


class Order(BaseModel, frozen=True, extra="forbid"):
    """A job and where its material lies."""

    database: str
    data_dir: Path
    catalogue: str
    """Fingerprint of the items that the models are for."""
    job: Job


Alive = Callable[[], bool]
"""Whether the training should go on."""
Trainer = Callable[[Job, Alive], Verdict]
"""Does a job. Raises TrainingFailed."""


def work(job: Job, catalogue: Catalogue, events: EventStore, fit: Fit = fit_models) -> Verdict:
    """Learn, judge, and write the models to the draft where they are accepted."""
    old = Bundles(job.folder).load(job.serving, catalogue) if job.serving else None
    known = Serving(until=job.serving.until, forgotten=job.forgotten) if job.serving else None
    rival = (old, known) if old is not None and known is not None else None
    models, verdict = learn(catalogue, lambda: events.all(job.last_event), rival, fit)
    # A ranker that learns from events joins here: fitted on the same events, judged in `learn`, saved in the draft;
    # `Learner.pick_up` loads it with the models, and `Pipeline.swap` takes both at once.
    if verdict.accepted:
        models.save(job.draft, catalogue)
    return verdict


def items_of(data_dir: Path) -> Catalogue:
    """A data folder's catalogue with vectors that say nothing: enough to learn from events."""
    items = imported_items(data_dir) or demo_items()
    nothing = np.zeros(1, dtype=np.float32)
    return Catalogue.build(items, words_of(data_dir), np.zeros((len(items), 1), dtype=np.float32), lambda _: nothing)


class ChildTrainer:
    """Trains in a process of its own."""

    def __init__(self, database: str, data_dir: Path, catalogue: str) -> None:
        """catalogue: fingerprint of the items that are served."""
        self._database, self._data_dir, self._catalogue = database, data_dir, catalogue

    def __call__(self, job: Job, alive: Alive) -> Verdict:
        """Start the process and wait for it; it is ended as soon as `alive` says no."""
        order = Order(database=self._database, data_dir=self._data_dir, catalogue=self._catalogue, job=job)
        command = [sys.executable, "-m", "db.trainer"]
        with tempfile.TemporaryFile() as complaints, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, cwd=ROOT, env=_alone()
        ) as child:  # fmt: skip
            try:
                return _verdict(child, order, alive, complaints)
            finally:
                child.kill()


def _verdict(child: subprocess.Popen[bytes], order: Order, alive: Alive, complaints: IO[bytes]) -> Verdict:
    assert child.stdin and child.stdout
    try:
        # The address of a database may hold a password: it goes where no list of processes shows it.
        child.stdin.write(order.model_dump_json().encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError as error:
        raise TrainingFailed("the training could not be started") from error
    while child.poll() is None:
        if not alive():
            raise TrainingFailed("the training was stopped")
        try:
            child.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue
    if child.returncode:
        complaints.seek(0)
        lines = complaints.read().decode(errors="replace").strip().splitlines()
        raise TrainingFailed(f"the training ended with {child.returncode}: {lines[-1] if lines else 'no reason given'}")
    return Verdict.model_validate_json(child.stdout.read())


def _alone() -> dict[str, str]:
    return {**os.environ, **dict.fromkeys(THREADS, "1")}


def _end_with_input() -> None:
    while os.read(0, 1):  # not `sys.stdin`: its lock would be held when the interpreter ends
        continue
    os._exit(3)


def main() -> None:
    """Do one order."""
    order = Order.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    catalogue = items_of(order.data_dir)
    if fingerprint(catalogue) != order.catalogue:
        raise TrainingFailed("the catalogue has changed since the application was started; start it again")
    verdict = work(order.job, catalogue, EventStore(open_database(order.database)))
    sys.stdout.write(verdict.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
