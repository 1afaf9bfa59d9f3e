"""Learned scorers behind the seam of the fine stage, LambdaMART and DIN, and the choice among them.

Both run in onnxruntime: the trees that LightGBM grew are written as ONNX too, since the library itself takes more than
a second to import.

Both see the same features (`recommend.features`), which hold nothing of the PBox; its shifts are added by the fine
stage, so an empty PBox leaves the learned order as it is and a raised wish never lowers what has it. Their scores are
brought to the scale of the additive scorer and bounded, so that a wish weighs as much beside one as beside the other.

They speak for listeners with a history who open their own page ("home", "more"). To everybody else, and to a search,
"similar", "trending" or "discover", the additive scorer answers: there the request itself says what is wanted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime

from catalog.catalogue import Catalogue
from catalog.onnx_session import UNREADABLE, open_session
from recommend.din import DinRanker
from recommend.features import NAMES, features, history, prepare
from recommend.fine import Scorer, additive, worn
from recommend.models import fingerprint
from recommend.reading import Reading
from recommend.recall import Pool

log = logging.getLogger(__name__)

Ranker = Literal["additive", "lambdamart", "din"]
WEIGHTS = Path(__file__).parent / "weights"
"""The weights that ship, in a folder for each ranker."""
TREES, CARD = "lambdamart.onnx", "lambdamart.json"
LIMIT = 8.0
"""Learned logits stay within -LIMIT and LIMIT, whatever the model says."""
PERSONAL = frozenset({"home", "more"})


class RankerError(ValueError):
    """The weights of a ranker cannot be used; the text says what to do. For the user."""


@dataclass(frozen=True)
class Scale:
    """How a model's own scores become logits like those of the additive scorer."""

    centre: float = 0.0
    """The model's mean score over the candidates that it was trained on."""
    factor: float = 1.0
    """Spread of the additive logits on the lists of training by that of the model's scores."""

    @classmethod
    def read(cls, card: Mapping[str, Any]) -> Scale:
        """From a model's card; RankerError where the card lacks it or its factor is not positive."""
        try:
            scale = cls(float(card["scale"]["centre"]), float(card["scale"]["factor"]))
        except (KeyError, TypeError) as error:
            raise RankerError("the card of the ranker has no scale; train it with `lab.recommender.rank`") from error
        if not scale.factor > 0.0:
            raise RankerError(f"the scale of the ranker is {scale.factor}; it must be positive")
        return scale

    def logits(self, scores: np.ndarray) -> np.ndarray:
        """Rising with the scores, almost linear near the centre, within (-LIMIT, LIMIT); float64."""
        return LIMIT * np.tanh(self.factor * (scores.astype(np.float64) - self.centre) / LIMIT)


@dataclass(frozen=True, eq=False)
class LambdaMart:
    """Gradient-boosted trees trained on the order of lists (Burges 2010). Safe to use from several threads."""

    session: onnxruntime.InferenceSession
    scale: Scale

    @classmethod
    def load(cls, folder: Path) -> LambdaMart:
        """The model of a folder. RankerError where a file is missing or broken, and for other features."""
        for name in (TREES, CARD):
            if not (folder / name).is_file():
                raise RankerError(f"{folder / name} is missing; write it with `python -m lab.recommender.rank`")
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            _same_features(folder, card.get("features", []))
            model = cls(open_session(folder / TREES), Scale.read(card))
            probe = model.raw(np.zeros((2, len(NAMES)), dtype=np.float32))
        except RankerError:
            raise
        except (OSError, ValueError, AttributeError, IndexError, *UNREADABLE) as error:
            raise RankerError(f"the ranker in {folder} cannot be read: {error}") from error
        if probe.shape != (2,) or not np.isfinite(probe).all():
            raise RankerError(f"the ranker in {folder} gives no finite score for each candidate")
        return model

    def __call__(self, reading: Reading, pool: Pool) -> np.ndarray:
        """Logits (n,) of the candidates."""
        return _personal(reading, pool, lambda: self.scale.logits(self.raw(features(reading, pool))))

    def raw(self, table: np.ndarray) -> np.ndarray:
        """The trees' own scores of a table of features."""
        return np.asarray(self.session.run(["scores"], {"features": table})[0])[:, 0].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Din:
    """A deep interest network over the liked items and the same features. Safe to use from several threads."""

    model: DinRanker
    scale: Scale

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Din:
        """The model of a folder over the rows of a catalogue.

        RankerError where a file is missing, for other features, and for vectors of another width.
        """
        try:
            model = DinRanker.load(folder, catalogue.row, catalogue.vectors)
        except (FileNotFoundError, ValueError) as error:
            raise RankerError(f"the ranker din cannot be used: {error}") from error
        _same_features(folder, model.features)
        return cls(model, Scale.read(json.loads((folder / "din.json").read_text(encoding="utf-8"))))

    def __call__(self, reading: Reading, pool: Pool) -> np.ndarray:
        """Logits (n,) of the candidates."""
        return _personal(reading, pool, lambda: self.scale.logits(self._raw(reading, pool)))

    def _raw(self, reading: Reading, pool: Pool) -> np.ndarray:
        return self.model.logits(pool.rows, history(reading), features(reading, pool))


def ranker(name: Ranker, catalogue: Catalogue, weights: Path = WEIGHTS) -> Scorer:
    """The scorer of this name, ready for the first request. RankerError where its weights do not fit.

    Weights that were learnt from the listeners of another catalogue know nobody here, and order worse than the sum
    that can be read (on goodbooks NDCG@10 .029 against .111): then "additive" answers, whichever is named.
    """
    if name == "additive" or not _at_home(weights / name / f"{name}.json", catalogue):
        return additive
    prepare(catalogue)
    return LambdaMart.load(weights / name) if name == "lambdamart" else Din.load(weights / name, catalogue)


def learnt_ranker(folder: Path, catalogue: Catalogue) -> Scorer:
    """The LambdaMART that was learnt here (`recommend.ranking`), else what `ranker` gives for the shipped one."""
    if folder.is_dir():
        try:
            prepare(catalogue)
            return LambdaMart.load(folder)
        except RankerError as error:
            log.warning("the ranker that was learnt here cannot serve: %s", error)
    return ranker("lambdamart", catalogue)


def _at_home(card: Path, catalogue: Catalogue) -> bool:
    """Whether the weights of a card were learnt over this catalogue; true of a card that does not say, or is none."""
    try:
        taught = json.loads(card.read_text(encoding="utf-8")).get("catalogue")
    except (OSError, ValueError, AttributeError):
        return True  # Loading it will say what is wrong.
    if taught in (None, fingerprint(catalogue)):
        return True
    log.info("%s was learnt on another catalogue: the additive sum orders until one has been learnt here", card.stem)
    return False


def _personal(reading: Reading, pool: Pool, logits: Callable[[], np.ndarray]) -> np.ndarray:
    """Learned logits where there is something to go by, less what was heard or shown and left; else additive ones."""
    if reading.request.intent not in PERSONAL or not reading.past.liked or not len(pool):
        return additive(reading, pool)
    return logits() - worn(reading, pool)


def _same_features(folder: Path, names: tuple[str, ...] | list[str]) -> None:
    if tuple(names) != NAMES:
        other = sorted(set(names) ^ set(NAMES)) or "their order"
        raise RankerError(f"the ranker in {folder} was trained on other features ({other}); train it again")
