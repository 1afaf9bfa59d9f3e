"""Attune on the same bench: each of its models alone with its shipped settings, and the whole pipeline.

Alone, a model gets the whole history with every liking alike. The pipeline gets it as a listener's "like" events, with
an empty PBox, and may not show what is in it (`Request.seen`); its fine ranker is the additive sum, and the one that is
asked for. Lists longer than the ten that are shown are asked for as longer pages, not cut from a ranking.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import sparse

from catalog.catalogue import Catalogue
from catalog.search import Search
from lab.bench.ranker import Contender, Ranker, by_scores
from lab.bench.rated_catalogue import rated_catalogue
from lab.bench.trial import Trial
from recommend.als import fit_als
from recommend.arrays import load_arrays
from recommend.ease import fit_ease
from recommend.graph import entities_of, fit_graph
from recommend.interactions import Interactions
from recommend.models import Models, fit_collaborative
from recommend.neighbours import fit_neighbours
from recommend.pipeline import Pipeline
from recommend.rankers import WEIGHTS, ranker
from recommend.rankers import Ranker as ScorerName
from recommend.reading import RECENT
from recommend.request import Event, History, Listener, Request
from recommend.sequence import ARRAYS, SequenceModel

FIRST = datetime(2017, 1, 1, tzinfo=UTC)
NOW = datetime(2017, 9, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """Where Attune's parts come from."""

    folder: Path
    """The data set."""
    data_dir: Path
    """What the importer makes of goodbooks, kept between runs."""
    sequence: Path | None = None
    """An exported SASRec (`lab.recommender.sasrec_export`)."""
    train_minutes: float | None = None
    """Where no such folder is given: train one on the CPU for so long."""
    scorer: ScorerName = "additive"
    """The fine ranker of the pipeline that is compared beside the additive one, see recommend.rankers."""
    weights: Path = WEIGHTS


class Attune:
    """Attune's contenders for one place; each is fitted by itself, so that its time and memory are its own."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def contenders(self) -> tuple[Contender, ...]:
        """The single models, then the pipeline by fine ranker."""
        alone = [
            Contender("ease", "attune", self.ease),
            Contender("als", "attune", self.als, imports=("implicit.als", "threadpoolctl")),
            Contender("neighbours", "attune", self.neighbours),
            Contender("graph", "attune", self.graph),
            Contender("content", "attune", self.content),
        ]
        if self.place.sequence or self.place.train_minutes:
            alone.append(Contender("sasrec", "attune", self.sasrec))
        scorers = dict.fromkeys(("additive", self.place.scorer))
        return (*alone, *(Contender(f"pipeline {name}", "whole", self.pipeline, {"scorer": name}) for name in scorers))

    def ease(self, trial: Trial) -> Ranker:
        model = fit_ease(liked(trial))
        return by_scores(lambda history: model.scores(_alike(history)))

    def als(self, trial: Trial) -> Ranker:
        model = fit_als(liked(trial))
        return by_scores(lambda history: model.scores(_alike(history)))

    def neighbours(self, trial: Trial) -> Ranker:
        model = fit_neighbours(liked(trial))
        return by_scores(lambda history: model.scores(_alike(history)))

    def graph(self, trial: Trial) -> Ranker:
        """With the edges over authors, series and theme words that the catalogue has."""
        model = fit_graph(liked(trial), self._entities(trial))
        return by_scores(lambda history: model.scores(_alike(history)))

    def content(self, trial: Trial) -> Ranker:
        """Cosine with the nearest of the last few liked; the mean of a long history lies near nothing."""
        vectors = self.catalogue(trial).vectors
        return by_scores(lambda history: (vectors @ vectors[history[-RECENT:]].T).max(axis=1))

    def sasrec(self, trial: Trial) -> Ranker:
        """The sequence model alone: loaded, or trained here."""
        with self._sequence(trial) as folder:
            model = SequenceModel.load(folder, {item: row for row, item in enumerate(trial.items)})
        return by_scores(model.scores)

    def pipeline(self, trial: Trial, scorer: ScorerName = "additive") -> Ranker:
        """Recall, coarse, fine, mix, explain, as a listener of the product is served."""
        catalogue = self.catalogue(trial)
        models = self.models(trial, catalogue)
        served = ranker(scorer, catalogue, self.place.weights)
        return asked(Pipeline(catalogue, Search(catalogue), models, scorer=served))

    def catalogue(self, trial: Trial) -> Catalogue:
        """The trial's items as the product sees them, row by row the same."""
        return rated_catalogue(trial, self.place.folder, self.place.data_dir)

    def models(self, trial: Trial, catalogue: Catalogue) -> Models:
        """All that the product would have learnt from these users. Nothing is trending: the data have no dates."""
        rows = liked(trial)
        found = Models(
            trending=np.zeros(len(catalogue), dtype=np.float32),
            collaborative=fit_collaborative(rows),
            neighbours=fit_neighbours(rows),
            graph=fit_graph(rows, entities_of(catalogue)),
        )
        if not (self.place.sequence or self.place.train_minutes):
            return found
        with self._sequence(trial) as folder:
            place = {item: row for row, item in enumerate(trial.items)}
            return replace(found, sequence=SequenceModel.load(folder, place))

    def _entities(self, trial: Trial) -> sparse.csr_matrix:
        return entities_of(self.catalogue(trial))

    @contextmanager
    def _sequence(self, trial: Trial) -> Iterator[Path]:
        """A folder with a sequence model that learnt from this trial's users alone. ValueError for another one."""
        if self.place.sequence:
            card, _ = load_arrays(self.place.sequence / ARRAYS)
            if card["data_sha256"] != trial.learnt_from:
                raise ValueError(f"the sequence model in {self.place.sequence} was trained on other users or likings")
            yield self.place.sequence
            return
        # torch is loaded only where something is trained.
        from lab.bench.attune_training import trained  # noqa: PLC0415

        with TemporaryDirectory() as scratch:
            yield trained(trial, Path(scratch), self.place.train_minutes or 0.0)


def asked(pipeline: Pipeline) -> Ranker:
    """A ranker that asks the pipeline as a listener with that history."""
    items = pipeline.catalogue.items

    def rank(history: np.ndarray, count: int) -> np.ndarray:
        ids = [items[row].id for row in history.tolist()]
        slate = pipeline.recommend(as_request(ids, count))
        return np.array([card.candidate.row for card in slate.cards], dtype=np.int64)

    return rank


def as_request(ids: list[str], count: int) -> Request:
    """The request of a listener who liked these items, oldest first, for a home list of `count` new ones."""
    times = [FIRST + timedelta(hours=number) for number in range(len(ids))]
    events = tuple(Event(user_id="asking", item_id=id_, kind="like", at=at) for id_, at in zip(ids, times, strict=True))
    return Request(
        listener=Listener(user_id="asking"),
        history=History(events=events),
        now=NOW,
        size=count,
        seen=frozenset(ids),
    )


def liked(trial: Trial) -> Interactions:
    """What the trial's users to learn from liked."""
    return Interactions.from_sequences(len(trial.items), trial.sequences)


def _alike(history: np.ndarray) -> dict[int, float]:
    return dict.fromkeys(history.tolist(), 1.0)
