"""The pipeline: request in, slate out. Six stages, each a function of values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from catalog.catalogue import Catalogue
from catalog.search import Search
from prompts.texts import Texts
from recommend.campaigns import Campaign, Campaigns
from recommend.coarse import coarse
from recommend.explain import explain
from recommend.fine import Scorer, additive, fine
from recommend.mix import mix
from recommend.models import Models
from recommend.promotion import kept_in_place
from recommend.reading import read
from recommend.recall import recall
from recommend.request import Request, Slate
from recommend.rerank import Reranker, as_ranked, rerank, widened
from recommend.trace import Trace
from recommend.unmet import unmet


class Pipeline:
    """Recommends from one catalogue with one set of models; safe to call from several threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        search: Search,
        models: Models,
        *,
        scorer: Scorer = additive,
        reranker: Reranker = as_ranked,
        campaigns: Campaigns | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._serving = (models, scorer)
        self._search = search
        self._reranker = reranker
        self._campaigns = campaigns or Campaigns()
        self._texts = Texts.load()

    @property
    def models(self) -> Models:
        """The models in service."""
        return self._serving[0]

    def swap(self, models: Models, scorer: Scorer | None = None) -> None:
        """Put other models, and a scorer if one is given, into service at once. Requests in flight keep theirs.

        The sequence model is not learnt from events while serving: it stays, unless another comes with `models`.
        """
        old, ranking = self._serving
        self._serving = (replace(models, sequence=models.sequence or old.sequence), scorer or ranking)

    def recommend(self, request: Request) -> Slate:
        """The list for one request. It may be shorter than asked for, even empty: hard filters are never relaxed."""
        trace = Trace()
        active = self._campaigns.active(request)
        models, scorer = self._serving
        reading = read(request, self.catalogue, models)
        found = trace.step("recall", recall, reading, self._search, active)
        short = trace.step("coarse", coarse, reading, found)
        ranked = trace.step("fine", fine, reading, short, scorer)
        mixed = trace.step("mix", mix, widened(reading), ranked, active)
        reranked = trace.step("rerank", rerank, reading, mixed, self._reranker)
        chosen = kept_in_place(mixed, reranked)
        cards = trace.step("explain", explain, reading, chosen, self._texts)
        return Slate(
            slate_id=_slate_id(request, active),
            pbox_version=request.pbox.version,
            intent=request.intent,
            cards=cards,
            trace=trace.lines,
            relaxed=unmet(reading, chosen),
        )


def _slate_id(request: Request, active: Sequence[Campaign]) -> str:
    """The same request over the same history has the same id, as long as the same campaigns hold."""
    said = request.model_dump_json(exclude={"history", "seen"})
    past = f"{len(request.history.events)} {sorted(request.seen)}"
    rules = "".join(f"\0{campaign.model_dump_json()}" for campaign in active)
    return hashlib.sha256(f"{said}\0{past}{rules}".encode()).hexdigest()[:20]
