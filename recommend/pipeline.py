"""The pipeline: request in, slate out. Six stages, each a function of values."""

from __future__ import annotations

import hashlib

from catalog.catalogue import Catalogue
from catalog.search import Search
from prompts.texts import Texts
from recommend.coarse import coarse
from recommend.collaborative import Models
from recommend.explain import explain
from recommend.fine import Scorer, additive, fine
from recommend.mix import mix
from recommend.reading import read
from recommend.recall import recall
from recommend.request import Request, Slate
from recommend.rerank import Reranker, as_ranked, rerank
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
    ) -> None:
        self.catalogue = catalogue
        self.models = models
        self._search = search
        self._scorer = scorer
        self._reranker = reranker
        self._texts = Texts.load()

    def recommend(self, request: Request) -> Slate:
        """The list for one request. It may be shorter than asked for, even empty: hard filters are never relaxed."""
        trace = Trace()
        reading = read(request, self.catalogue, self.models)
        found = trace.step("recall", recall, reading, self._search)
        short = trace.step("coarse", coarse, reading, found)
        ranked = trace.step("fine", fine, reading, short, self._scorer)
        mixed = trace.step("mix", mix, reading, ranked)
        chosen = trace.step("rerank", rerank, reading, mixed, self._reranker)
        cards = trace.step("explain", explain, reading, chosen, self._texts)
        return Slate(
            slate_id=_slate_id(request),
            pbox_version=request.pbox.version,
            intent=request.intent,
            cards=cards,
            trace=trace.lines,
            relaxed=unmet(reading, chosen),
        )


def _slate_id(request: Request) -> str:
    """The same request over the same history has the same id."""
    said = request.model_dump_json(exclude={"history", "seen"})
    past = f"{len(request.history.events)} {sorted(request.seen)}"
    return hashlib.sha256(f"{said}\0{past}".encode()).hexdigest()[:20]
