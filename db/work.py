"""The inside of one training: learn, judge, write what is accepted.  Run by `db.trainer`: python -m db.work

Takes one line of JSON (an `Order`) from its standard input and gives one back (a `Verdict`). It computes at low
priority and ends when its input closes: it does not outlive the application. LightGBM is loaded here and not before.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_items
from catalog.kept_vectors import kept_vectors
from catalog.nearest import nearest
from catalog.opening import imported_items, words_of
from db.engine import open_database
from db.events import EventStore
from db.trainer import Job, Order, TrainingFailed
from db.users import UserStore
from recommend.bundles import RANKER, Bundles
from recommend.learning import Fit, Serving, learn
from recommend.models import Models, fingerprint, fit_models
from recommend.rankers import LambdaMart, RankerError, ranker
from recommend.ranking.learn import learn_ranker
from recommend.ranking.periods import Log
from recommend.verdicts import Verdict

log = logging.getLogger(__name__)

NICENESS = 10
NO_VECTORS = "the items' vectors are not kept here yet; a training of the running application keeps them"


def work(
    job: Job, catalogue: Catalogue, events: EventStore, fit: Fit = fit_models, users: UserStore | None = None
) -> Verdict:
    """Learn, judge, and write what is accepted to the draft, beside what stays of the bundle that serves.

    users: the listeners; None where the catalogue has no vectors, without which no ranker learns.
    """
    bundles = Bundles(job.folder)
    old = bundles.load(job.serving, catalogue) if job.serving else None
    known = Serving(until=job.serving.until, forgotten=job.forgotten) if job.serving else None
    rival = (old, known) if old is not None and known is not None else None
    models, verdict = learn(catalogue, lambda: events.all(job.last_event), rival, fit)
    serving = models if verdict.accepted else old
    if serving is None:
        return verdict
    verdict = verdict.beside(_ranked(job, catalogue, events, users))
    if verdict.changes:
        _complete(job, verdict, serving, catalogue)
    return verdict


def _ranked(job: Job, catalogue: Catalogue, events: EventStore, users: UserStore | None) -> Verdict | None:
    """The verdict on a new ranker, written to the draft where it is accepted; None where none is to be learnt."""
    if job.ranker != "lambdamart":
        return None
    if users is None:
        return Verdict(accepted=False, reasons=(NO_VECTORS,))
    told = Log(lambda: events.all(job.last_event), lambda: events.exposures(job.last_event), users.some)
    try:
        return learn_ranker(catalogue, told, _rival(job, catalogue), fit_models, job.draft / RANKER)
    except Exception as error:  # the ranker's border: the models go into service without it
        log.exception("no ranker could be learnt")
        shutil.rmtree(job.draft / RANKER, ignore_errors=True)
        return Verdict(accepted=False, reasons=(f"{type(error).__name__}: {error}",))


def _rival(job: Job, catalogue: Catalogue) -> LambdaMart | None:
    """The ranker that serves; None where the sum does that can be read.

    Where something was forgotten, the shipped one: it will serve unless a new one does.
    """
    if job.serving is not None and not job.forgotten:
        with suppress(RankerError):  # it has none, or none that can be read
            return LambdaMart.load(Bundles(job.folder).ranker(job.serving.name))
    shipped = ranker("lambdamart", catalogue)
    return shipped if isinstance(shipped, LambdaMart) else None


def _complete(job: Job, verdict: Verdict, models: Models, catalogue: Catalogue) -> None:
    """Make a whole bundle of the draft: models, and the new ranker or the one that stays.

    A ranker that learnt from events which were deleted since does not stay: forgetting is a promise.
    """
    learnt = verdict.ranker is not None and verdict.ranker.accepted
    if not learnt and job.serving is not None and not job.forgotten:
        Bundles(job.folder).keep_ranker(job.serving, job.draft)
    models.save(job.draft, catalogue)


def items_of(data_dir: Path, vectors: np.ndarray | None = None) -> Catalogue:
    """A data folder's catalogue; without `vectors` it gets some that say nothing: enough to learn the models."""
    items, none = imported_items(data_dir) or demo_items(), np.zeros(1, dtype=np.float32)
    if vectors is None or len(vectors) != len(items):
        return Catalogue.build(items, words_of(data_dir), np.zeros((len(items), 1), dtype=np.float32), lambda _: none)
    return Catalogue.build(items, words_of(data_dir), vectors, lambda _: none, nearest(vectors, data_dir / "nearest"))


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
    vectors = kept_vectors(order.data_dir, order.catalogue) if order.job.ranker == "lambdamart" else None
    catalogue = items_of(order.data_dir, vectors)
    if fingerprint(catalogue) != order.catalogue:
        raise TrainingFailed("the catalogue has changed since the application was started; start it again")
    database = open_database(order.database)
    users = UserStore(database) if vectors is not None else None
    verdict = work(order.job, catalogue, EventStore(database), users=users)
    sys.stdout.write(verdict.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
