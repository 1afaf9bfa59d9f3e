"""Leave-one-out figures of a SASRec model, over the full ranking and against 100 negatives (never to be mixed)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from lab.recommender.data import Ratings, leave_one_out
from lab.recommender.sasrec_model import Histories, SasRec

TOP = 10
RANK_BATCH = 512
"""Users ranked at once."""
OTHERS = 100
"""Negatives of the original paper's figure."""


class Exam:
    """One question per user: which item comes next? Laid out on the device once, asked as often as wanted."""

    def __init__(
        self, known: Sequence[np.ndarray], goals: np.ndarray, met: Sequence[np.ndarray], longest: int, device: str
    ) -> None:
        self.known, self.seen = Histories(known, longest, device), Histories(known, 10**9, device)
        self.met = Histories(met, 10**9, device)
        """Everything the user ever met, before the goal and after it."""
        self.goals = torch.from_numpy(goals.astype(np.int64)).to(device)[:, None]

    def figures(self, model: SasRec) -> dict[str, float]:
        """HR@10 and NDCG@10 over all items but those seen before; a tie counts against the model."""
        ranks = [(scores >= scores.gather(1, goal)).sum(1).cpu() - 1 for goal, scores in self._ask(model, self.seen)]
        return _top(torch.cat(ranks), "")

    def sampled(self, model: SasRec) -> dict[str, float]:
        """The same among 100 uniform items that the user never met: the original paper's protocol, seeded.

        There a user's own later items could be drawn as negatives; here they cannot.
        """
        dice = torch.Generator().manual_seed(0)
        ranks = []
        for goal, scores in self._ask(model, self.met):
            drawn = torch.rand(scores.shape, generator=dice).to(scores.device)
            drawn = drawn.masked_fill_(scores.isneginf(), -1.0).scatter_(1, goal, -1.0)
            chance, chosen = drawn.topk(min(OTHERS, scores.shape[1] - 1))
            ahead = (scores.gather(1, chosen) >= scores.gather(1, goal)) & (chance >= 0.0)
            ranks.append(ahead.sum(1).cpu())
        return _top(torch.cat(ranks), f" of {OTHERS}")

    @torch.no_grad()
    def _ask(self, model: SasRec, barred: Histories) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yields (goal rows (n, 1), scores (n, items)) part by part; what is barred scores -inf, the goal never."""
        model.eval()
        for part in torch.arange(len(self.goals)).split(RANK_BATCH):
            ids, lengths = self.known.take(part)
            states = model(ids, lengths.to(ids.device))[torch.arange(len(part)), lengths - 1]
            scores = (states @ model.items.weight.T).float()
            goal = self.goals[part.to(ids.device)]
            kept = scores.gather(1, goal + 1)
            scores.scatter_(1, barred.take(part)[0], -torch.inf)
            yield goal, scores[:, 1:].scatter(1, goal, kept)


def exams(ratings: Ratings, longest: int, device: str) -> dict[str, Exam]:
    """`valid`: the second-last item from those before it; `test`: the last from all before it. Short users sit out."""
    split = leave_one_out(ratings)
    users = np.flatnonzero(split.test >= 0)
    met = [ratings.sequences[user] for user in users]
    return {
        "valid": Exam([split.train[user] for user in users], split.valid[users], met, longest, device),
        "test": Exam([sequence[:-1] for sequence in met], split.test[users], met, longest, device),
    }


def _top(ranks: torch.Tensor, suffix: str) -> dict[str, float]:
    """Means over users of hits and of 1 / log2(rank + 2) in the first ten, ranks from 0."""
    gain = (ranks < TOP) / torch.log2(ranks + 2.0)
    return {f"hr@10{suffix}": float((ranks < TOP).double().mean()), f"ndcg@10{suffix}": float(gain.double().mean())}
