"""One training in a process of its own (`db.work`), so that no request waits for it.

A thread would not do: SciPy's LAPACK holds Python's lock for as long as it inverts a matrix. The process takes an
`Order`, gives back a `Verdict`, and computes on one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from pydantic import BaseModel

from catalog.kept_vectors import keep_vectors
from recommend.bundles import Bundle
from recommend.rankers import Ranker
from recommend.verdicts import Verdict

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
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
    ranker: Ranker = "additive"
    """What orders the lists: "lambdamart" learns too, the others are left alone."""


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


class ChildTrainer:
    """Trains in a process of its own."""

    def __init__(self, database: str, data_dir: Path, catalogue: str, vectors: np.ndarray | None = None) -> None:
        """catalogue: fingerprint of the items that are served. vectors: theirs, where they are at hand."""
        self._database, self._data_dir, self._catalogue = database, data_dir, catalogue
        self._vectors = vectors

    def __call__(self, job: Job, alive: Alive) -> Verdict:
        """Start the process and wait for it; it is ended as soon as `alive` says no."""
        if self._vectors is not None and job.ranker == "lambdamart":
            keep_vectors(self._data_dir, self._catalogue, self._vectors)
        order = Order(database=self._database, data_dir=self._data_dir, catalogue=self._catalogue, job=job)
        command = [sys.executable, "-m", "db.work"]
        with tempfile.TemporaryFile() as complaints, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, env=_alone()
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
    """The environment of the child: our modules wherever it runs, for its folders are named from where we run."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": path}
