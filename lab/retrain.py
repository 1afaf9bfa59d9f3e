"""Train the models once by hand and print the gate's figures.  Run: python -m lab.retrain [--data-dir var] [--now]

Does what the running application does by itself every `learn_minutes`; an application that runs takes accepted models
into service within seconds. --history shows what trainings came to and trains nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from db.engine import open_database
from db.events import EventStore
from db.learning import Learner
from db.trainer import ChildTrainer
from db.trainings import Training, TrainingStore
from db.work import items_of
from recommend.bundles import Bundles
from recommend.models import fingerprint
from recommend.verdicts import Verdict
from settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Train where it is due (or --now); returns 0 unless the training failed or another process is at it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="data folder of the application (default: as it is set up)")
    parser.add_argument("--now", action="store_true", help="train although nothing is due")
    parser.add_argument("--history", action="store_true", help="only show the last trainings")
    options = parser.parse_args(arguments)
    settings = load_settings({"data_dir": options.data_dir})
    database, now = open_database(settings.database), datetime.now(UTC)
    trainings, catalogue = TrainingStore(database), items_of(settings.data_dir)
    if options.history:
        for training in reversed(trainings.last()):
            print(told(training))
        return 0
    trainer = ChildTrainer(settings.database, settings.data_dir, fingerprint(catalogue))
    bundles = Bundles(settings.data_dir / "learnt")
    learner = Learner(EventStore(database), trainings, bundles, catalogue, trainer, settings.ranker)
    if not options.now and not learner.due(now, minutes=settings.learn_minutes):
        print("nothing is due; --now trains all the same")
        return 0
    training = learner.train(now)
    print(told(training) if training else "another process is training")
    return 0 if training and training.outcome != "failed" else 1


def told(training: Training) -> str:
    """A training in a few lines."""
    verdict = training.verdict
    lines = [f"{training.at:%Y-%m-%d %H:%M:%S} {training.outcome}: {training.events} events, {training.seconds:.1f} s"]
    lines += [f"  {reason}" for reason in verdict.reasons]
    lines += _figures(verdict, "models")
    if verdict.ranker is not None:
        lines += _figures(verdict.ranker, "ranker")
    return "\n".join(lines)


def _figures(verdict: Verdict, what: str) -> list[str]:
    if not verdict.figures:
        return []
    lines = [f"  NDCG of {verdict.listeners} listeners, against the {what} {verdict.against}"]
    for name, figure in verdict.figures.items():
        change = f"{figure.after - figure.before:+.4f} ({figure.low:+.4f} to {figure.high:+.4f})"
        lines.append(f"    {name:29} {figure.before:.4f} -> {figure.after:.4f}  {change}")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
