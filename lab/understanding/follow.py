"""A new encoder first follows one that reads already.

The decoder and the hints of a model in service know what to do with what its encoder makes of a text. An encoder with
another beginning takes them over: a linear map (least squares) brings its states into theirs, and while it learns the
task its prefix is drawn towards the other one, less and less (hints of FitNets, Romero et al. 2015). On two processor
cores that saves most of the steps in which a decoder learns to write at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lab.understanding.batches import Batch
from lab.understanding.model import Pull, Understander

RIDGE = 1e-3
"""Share of the states' variance that is added to each of their directions, so that none is stretched at will."""
MAXIMUM = 0.3
"""How much of the hints on the largest states is kept: a linear map does not carry a maximum."""


class Guide:
    """Leads models towards the prefix of `leader`: with `weight` at first, falling to 0 after a share of the time."""

    def __init__(self, leader: Understander, weight: float = 2.0, until: float = 0.4) -> None:
        self._leader, self._weight, self._until = leader.eval().requires_grad_(False), weight, until
        self._followers: set[Understander] = set()

    @torch.no_grad()
    def begin(self, follower: Understander, batches: Sequence[Batch]) -> float:
        """Gives the follower the leader's decoder, bridge and hints; returns how much of the states the map explains.

        The share is that of their variance (R²), on the batches that it was fitted on.
        """
        pairs = [(part.mask.bool(), follower.states(part.ids, part.mask), part) for part in batches]
        x = torch.cat([states[real].float() for real, states, _ in pairs])
        y = torch.cat([self._leader.states(part.ids, part.mask)[real].float() for real, _, part in pairs])
        low, high = x.mean(0), y.mean(0)
        a, b = x - low, y - high
        turn = torch.linalg.solve(
            a.T @ a + len(x) * RIDGE * a.var() * torch.eye(a.shape[1], device=x.device), a.T @ b
        ).T
        shift = high - turn @ low
        self._followers.add(follower)
        follower.decoder.load_state_dict(self._leader.decoder.state_dict())
        for ours, theirs in (
            (follower.bridge, self._leader.bridge),
            (follower.hints.words, self._leader.hints.words),
        ):
            ours.weight.copy_(theirs.weight @ turn)
            ours.bias.copy_(theirs.weight @ shift + theirs.bias)
        tools, width = self._leader.hints.tools, len(turn)
        mean, largest = tools.weight[:, :width], tools.weight[:, width:]
        follower.hints.tools.weight.copy_(torch.cat((mean @ turn, MAXIMUM * largest @ turn), 1))
        follower.hints.tools.bias.copy_(mean @ shift + tools.bias)
        return float(1 - ((a @ turn.T - b) ** 2).sum() / (b**2).sum())

    def leads(self, model: Understander) -> bool:
        """Whether the model began here: one that reads already is not drawn away from what it knows."""
        return model in self._followers

    def at(self, spent: float) -> Pull | None:
        """What draws a prefix, without its pointers, after this share (0..1) of the time; None when nothing does."""
        weight = self._weight * (1 - spent / self._until)
        return None if weight <= 0 else lambda prefix, batch: weight * self._distance(prefix, batch)

    def _distance(self, prefix: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Mean squared distance to the leader's prefix over the real tokens; 1 for knowing nothing but its mean."""
        real = batch.mask.bool()
        with torch.no_grad():
            wanted = self._leader.bridge(self._leader.states(batch.ids, batch.mask)).float()[real]
        spread = ((wanted - wanted.mean(0)) ** 2).sum(-1).mean()
        return ((prefix.float()[real] - wanted) ** 2).sum(-1).mean() / spread
