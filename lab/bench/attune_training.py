"""A sequence model for a trial, trained on the CPU where no trained one is at hand."""

from __future__ import annotations

from pathlib import Path

from lab.bench.trial import Trial
from lab.recommender.sasrec import train
from lab.recommender.sasrec_export import export
from lab.recommender.sasrec_model import Config

SETTINGS = Config(hidden=64, dropout=0.5, epochs=200, patience=20)
"""Chosen on goodbooks, by NDCG@10 of the validation items of the users to learn from."""


def trained(trial: Trial, scratch: Path, minutes: float) -> Path:
    """A folder that `recommend.sequence.SequenceModel` loads, after at most about so many minutes."""
    train(trial.learn, SETTINGS, scratch / "run", minutes=minutes)
    export(scratch / "run", scratch / "served")
    return scratch / "served"
