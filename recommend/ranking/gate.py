"""The gate before a new ranker: NDCG@10 of the listeners who judge, beside the ranker that serves and the additive one.

Refused where it lost more than the tolerance beside either of them and chance does not explain it, by the same rule as
the models (`recommend.verdicts`), where a score is not finite, and where too few judge. It must also gain more than
chance explains beside the one that serves. Models must be learnt again to know new items, a ranker has no such need:
for listeners who have not changed a new one is a little worse each time, within chance, and such losses would add up.
"""

from __future__ import annotations

import numpy as np

from recommend.rankers import LambdaMart
from recommend.ranking.lists import Lists
from recommend.verdicts import Figure, Verdict, figure, worse

DEPTH = 10
OWN, PLAIN = f"lambdamart@{DEPTH}", f"lambdamart beside additive@{DEPTH}"
"""Names of the figures."""
LEAST_JUDGES = 20
"""Listeners without whom nothing can be said."""


def judged(new: LambdaMart, serving: LambdaMart | None, exam: Lists) -> Verdict:
    """Whether `new` may take the place of `serving` (None: of the additive scorer), by lists that none learnt from."""
    known = exam.of([one for one, good in enumerate(exam.relevant) if good])
    count = len(set(known.listeners))
    if count < LEAST_JUDGES:
        return Verdict(accepted=False, reasons=(f"{count} listeners to judge by, {LEAST_JUDGES} needed",))
    fresh = new.raw(known.at_top().table)
    if not np.isfinite(fresh).all():
        return Verdict(accepted=False, reasons=("a score is not finite",), listeners=count)
    return decide(_figures(new, serving, known), count)


def decide(figures: dict[str, Figure], listeners: int) -> Verdict:
    """The rule of the gate for finite scores."""
    losses = tuple(line for line in map(worse, figures, figures.values()) if line)
    own = figures[OWN]
    if not losses and own.low <= 0.0:
        interval = f"{own.low:+.4f} to {own.high:+.4f}"
        losses = (f"{OWN}: no gain beyond chance, {own.before:.4f} before and {own.after:.4f} after ({interval})",)
    return Verdict(
        accepted=not losses,
        reasons=losses or ("better than the one that served, no worse than the additive scorer",),
        listeners=listeners,
        against="serving",
        figures=figures,
    )


def ndcg(scores: np.ndarray, lists: Lists, depth: int = DEPTH) -> np.ndarray:
    """(listeners,) each listener's mean over their lists, in the order of their ids; equal scores go by row."""
    starts, worth = lists.starts, 1.0 / np.log2(np.arange(depth) + 2.0)
    found = np.zeros(len(lists))
    for one, good in enumerate(lists.relevant):
        span = slice(starts[one], starts[one + 1])
        top = lists.rows[span][np.lexsort((lists.rows[span], -scores[span]))][:depth]
        hits = np.isin(top, list(good))
        found[one] = worth[: len(top)][hits].sum() / max(worth[: min(depth, len(good))].sum(), 1e-9)
    _, who = np.unique(np.array(lists.listeners, dtype=np.str_), return_inverse=True)
    return np.bincount(who, weights=found) / np.bincount(who)


def logits(ranker: LambdaMart, lists: Lists) -> np.ndarray:
    """What a ranker gives the candidates at serving."""
    return ranker.scale.logits(ranker.raw(lists.at_top().table)) - lists.worn


def _figures(new: LambdaMart, serving: LambdaMart | None, exam: Lists) -> dict[str, Figure]:
    after, plain = ndcg(logits(new, exam), exam), ndcg(exam.baseline, exam)
    before = ndcg(logits(serving, exam), exam) if serving else plain
    return {OWN: figure(before, after), PLAIN: figure(plain, after)}
