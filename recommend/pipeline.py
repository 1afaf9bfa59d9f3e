"""The pipeline: request in, slate out. Six stages, each a function of values."""

from __future__ import annotations

import hashlib

import numpy as np

from catalog.catalogue import Catalogue
from catalog.search import Search
from prompts.texts import Texts
from recommend.coarse import coarse
from recommend.collaborative import Models
from recommend.effects import Shift, within
from recommend.explain import explain
from recommend.fine import Scorer, additive, fine
from recommend.mix import mix
from recommend.pbox import Factor
from recommend.reading import Reading, read
from recommend.recall import recall
from recommend.request import Candidate, Request, Slate
from recommend.rerank import Reranker, as_ranked, rerank
from recommend.trace import Trace

WISHES = (
    Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE, Factor.STATUS, Factor.LENGTH, Factor.ACCESS,
)  # fmt: skip


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
            relaxed=_unmet(reading, chosen),
        )


def _slate_id(request: Request) -> str:
    """The same request over the same history has the same id."""
    said = request.model_dump_json(exclude={"history", "seen"})
    past = f"{len(request.history.events)} {sorted(request.seen)}"
    return hashlib.sha256(f"{said}\0{past}".encode()).hexdigest()[:20]


def _unmet(reading: Reading, chosen: list[Candidate]) -> tuple[str, ...]:
    """What the list could not give: "few", "query", "anchor", "together", or a soft wish as "factor:key"."""
    request = reading.request
    notes: list[str] = []
    if request.intent == "search" and not chosen:
        notes.append("query")
    elif request.intent == "similar" and request.anchor not in reading.catalogue.row:
        notes.append("anchor")
    elif request.intent != "search" and len(chosen) < request.size:
        notes.append("few")
    if request.intent in ("home", "more") and chosen:
        notes.extend(_unmet_wishes(reading, np.array([c.row for c in chosen])))
    return tuple(notes)


def _unmet_wishes(reading: Reading, rows: np.ndarray) -> list[str]:
    """Soft wishes that no item of the list meets, and "together" where each is met but never all of them."""
    met = {_name(shift): _meets(reading, shift, rows) for shift in reading.shifts if _is_wish(shift)}
    unmet = [name for name, hits in met.items() if not hits.any()]
    if not unmet and met and not np.all(list(met.values()), axis=0).any():
        return ["together"]
    return unmet


def _name(shift: Shift) -> str:
    return f"{shift.entry.factor.value}:{shift.entry.key}".removesuffix(":")


def _is_wish(shift: Shift) -> bool:
    entry = shift.entry
    if entry.factor in (Factor.STATUS, Factor.ACCESS):
        return entry.value != 0.0
    return entry.factor in WISHES and entry.value > 0.0 and bool(shift.logits.any() or entry.factor != Factor.LENGTH)


def _meets(reading: Reading, shift: Shift, rows: np.ndarray) -> np.ndarray:
    if shift.entry.factor == Factor.LENGTH:
        return within(reading.catalogue.sitting_minutes[rows], shift.entry.key, shift.entry.value)
    return shift.logits[rows] > 0.0
