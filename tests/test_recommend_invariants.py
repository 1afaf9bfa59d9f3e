"""The invariants of the architecture that concern the recommender, over generated requests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.items import AGE_ORDER
from recommend.claims import claims
from recommend.coarse import coarse, linear
from recommend.effects import having
from recommend.filters import listenable
from recommend.fine import additive, fine
from recommend.mix import mix
from recommend.pbox import BOUNDS, Entry, Factor, PBox
from recommend.reading import read
from recommend.recall import Pool, recall
from recommend.request import Candidate, Event, History, Listener, Request
from tests.recommend_stage import NOW, catalogue, entry, models, pipeline, population, request, search

CATALOGUE = catalogue()
WORDS = CATALOGUE.words
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

paths = st.sampled_from([c.path for c in WORDS.taxonomy.categories])
moods = st.sampled_from([*(t.slug for t in WORDS.moods.terms), "dreamy", "恐怖"])
scenes = st.sampled_from([t.slug for t in WORDS.scenes.terms])
authors = st.sampled_from(sorted({item.author for item in CATALOGUE.items if item.author}))
tags = st.sampled_from(sorted({tag for item in CATALOGUE.items for tag in item.tags}))
items = st.sampled_from([item.id for item in CATALOGUE.items])
targets = st.one_of(
    paths.map("category:{}".format), authors.map("author:{}".format), tags.map("tag:{}".format),
    items.map("item:{}".format), moods.map("tag:{}".format),
    st.sampled_from(sorted({i.narrator for i in CATALOGUE.items if i.narrator})).map("narrator:{}".format),
    st.sampled_from(sorted({i.series for i in CATALOGUE.items if i.series})).map("series:{}".format),
)  # fmt: skip
KEYS = {
    Factor.CATEGORY: paths, Factor.ENTITY: targets, Factor.BLOCK: targets, Factor.PENALTY: tags.map("tag:{}".format),
    Factor.MOOD: moods, Factor.SCENE: scenes, Factor.LENGTH: st.sampled_from(["min", "max"]),
    Factor.LANGUAGE: st.sampled_from(["en", "zh"]),
}  # fmt: skip


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    factor = draw(st.sampled_from(list(Factor)))
    low, high = BOUNDS.get(factor, (-1.0, 1.0))
    value = draw(st.floats(low, min(high, 900.0)))
    hardness = draw(st.sampled_from(["soft", "hard"])) if factor != Factor.BLOCK else "hard"
    return entry(factor, draw(KEYS.get(factor, st.just(""))), value, hardness=hardness)


boxes = st.lists(entries(), max_size=6, unique_by=lambda e: (e.factor, e.key)).map(tuple)
listeners = st.builds(
    Listener, user_id=st.just("u"), ui_language=st.sampled_from(["en", "zh"]), age=st.sampled_from(AGE_ORDER)
)
kinds = st.sampled_from(["impression", "click", "play", "like", "dislike", "skip", "save", "finished", "rating"])
events = st.builds(
    Event, user_id=st.just("u"), item_id=items, kind=kinds, at=st.just(NOW), value=st.sampled_from([1.0, 3.0, 5.0])
)
histories = st.lists(events, max_size=12).map(lambda found: History(events=tuple(found)))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    intent = draw(st.sampled_from(["home", "more", "search", "similar", "trending", "discover"]))
    return request(
        *draw(boxes),
        listener=draw(listeners),
        history=draw(histories),
        intent=intent,
        size=draw(st.integers(1, 12)),
        query=draw(st.one_of(authors, tags, st.just("zzz"))) if intent == "search" else None,
        anchor=draw(items) if intent == "similar" else None,
        category=draw(st.none() | paths) if intent == "trending" else None,
        seen=draw(st.frozensets(items, max_size=5)),
        seed=draw(st.integers(0, 5)),
    )


def everything(asked: Request) -> Pool:
    """All rows as candidates."""
    rows = np.arange(len(CATALOGUE))
    return Pool(rows, {}, {}, np.zeros(len(rows), dtype=np.float32))


@FEW
@given(listeners, histories, st.integers(0, 3))
def test_1_an_empty_pbox_gives_the_unsteered_ranking_bit_for_bit(listener: Listener, past: History, seed: int) -> None:
    asked = request(listener=listener, history=past, seed=seed)
    reading = read(asked, CATALOGUE, models())
    pool = coarse(reading, recall(reading, search()))
    ranked = fine(reading, pool, additive)
    unsteered = additive(reading, pool)
    order = np.lexsort((pool.rows, -unsteered))
    assert [c.row for c in ranked] == pool.rows[order].tolist()
    assert [c.fine for c in ranked] == unsteered[order].astype(float).tolist()
    assert not any(c.effects for c in ranked)
    neutral = PBox(version=9, entries=tuple(entry(f, "", 0.0) for f in (Factor.STATUS, Factor.ACCESS, Factor.RECENCY)))
    steered = pipeline().recommend(asked.model_copy(update={"pbox": neutral}))
    assert steered.cards == pipeline().recommend(asked).cards


@FEW
@given(requests())
def test_2_a_blocked_thing_appears_in_no_stage(asked: Request) -> None:
    reading = read(asked, CATALOGUE, models())
    found = recall(reading, search())
    short = coarse(reading, found)
    ranked = fine(reading, short, additive)
    stages = [found.rows, short.rows, [c.row for c in ranked], [c.row for c in mix(reading, ranked)]]
    for block in (e for e in asked.pbox.of(Factor.BLOCK) if e.value > 0.0):
        kind, _, key = block.key.partition(":")
        forbidden = set(np.flatnonzero(CATALOGUE.holds(kind, key)).tolist())
        for rows in stages:
            assert not forbidden & {int(row) for row in rows}


@FEW
@given(requests())
def test_2_and_4_every_hard_wish_holds_on_every_item(asked: Request) -> None:
    slate = pipeline().recommend(asked)
    assert len(slate.cards) <= asked.size
    assert len(set(slate.item_ids)) == len(slate.item_ids)
    tongues = {e.key for e in asked.pbox.of(Factor.LANGUAGE) if e.value > 0.0}
    for item in map(CATALOGUE.item, slate.item_ids):
        assert item.available
        assert AGE_ORDER.index(item.age) <= AGE_ORDER.index(asked.listener.age)
        assert not tongues or item.language in tongues
        if asked.pbox.is_hard(Factor.ACCESS) and (access := asked.pbox.value(Factor.ACCESS)):
            assert item.access == ("free" if access < 0 else "paid")
        if asked.pbox.is_hard(Factor.STATUS) and (status := asked.pbox.value(Factor.STATUS)):
            assert item.status == ("completed" if status > 0 else "ongoing")
        for bound in asked.pbox.of(Factor.LENGTH):
            if bound.hardness == "hard":
                minutes = np.float32(item.sitting_minutes)
                assert minutes <= bound.value if bound.key == "max" else minutes >= bound.value
        if asked.intent != "search":
            assert item.id not in asked.seen


@FEW
@given(
    boxes, st.sampled_from([Factor.CATEGORY, Factor.ENTITY, Factor.MOOD, Factor.SCENE]), st.data(),
)  # fmt: skip
def test_3_raising_a_weight_never_lowers_an_item_that_has_it(
    box: tuple[Entry, ...], factor: Factor, data: st.DataObject
) -> None:
    key = data.draw(KEYS[factor])
    low, high = sorted(data.draw(st.tuples(st.floats(-1, 1), st.floats(-1, 1))))
    others = tuple(e for e in box if (e.factor, e.key) != (factor, key))
    has = having(entry(factor, key, high), CATALOGUE)
    for stage in (linear, lambda reading, pool: additive(reading, pool) + reading.shift[:]):
        before, after = (
            stage(read(request(*others, entry(factor, key, value)), CATALOGUE, models()), everything(request()))
            for value in (low, high)
        )
        assert (after[has] >= before[has] - 1e-4).all()
        assert np.allclose(after[~has], before[~has], atol=1e-4)


@FEW
@given(st.sampled_from([Factor.POPULARITY, Factor.QUALITY, Factor.RECENCY, Factor.STATUS, Factor.ACCESS]), st.data())
def test_3_raising_a_signed_factor_never_lowers_the_items_that_have_most_of_it(
    factor: Factor, data: st.DataObject
) -> None:
    low, high = sorted(data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1))))
    columns = {
        Factor.POPULARITY: CATALOGUE.popularity, Factor.QUALITY: CATALOGUE.quality, Factor.RECENCY: CATALOGUE.recency,
        Factor.STATUS: CATALOGUE.completed, Factor.ACCESS: ~CATALOGUE.free,
    }  # fmt: skip
    most = columns[factor] == columns[factor].max()
    before, after = (read(request(entry(factor, "", value)), CATALOGUE, models()).shift[:] for value in (low, high))
    gain = after - before
    assert (gain[most] >= gain.max() - 1e-5).all()


@pytest.mark.parametrize(
    "said", ["给五岁孩子听的故事", "哄娃睡觉的", "stories for my 5-year-old", "something for the kids"]
)
@pytest.mark.parametrize("asked", ["query", "told"])
def test_what_small_children_are_to_hear_is_within_their_age_mark(said: str, asked: str) -> None:
    intent = "search" if asked == "query" else "home"
    cards = pipeline().recommend(request(intent=intent, size=12, **{asked: said})).cards
    assert cards and all(CATALOGUE.item(card.candidate.item_id).age in ("all", "7+") for card in cards)


@pytest.mark.parametrize(
    "said", ["讲儿童失踪案的", "给十五岁孩子听的", "a child goes missing", "for a 45 year old", "五岁时被拐的女孩"]
)
def test_a_tale_of_a_child_is_not_held_to_be_for_one(said: str) -> None:
    left = listenable(request(intent="search", query=said), CATALOGUE)
    assert (CATALOGUE.ages[left] == AGE_ORDER.index("18+")).any()


@FEW
@given(requests())
def test_7_the_same_request_gives_the_same_slate(asked: Request) -> None:
    first, again = pipeline().recommend(asked), pipeline().recommend(asked)
    assert first.model_copy(update={"trace": ()}) == again.model_copy(update={"trace": ()})


def test_7_the_same_seed_gives_the_same_population() -> None:
    assert population() == population.__wrapped__()


@FEW
@given(histories)
def test_to_be_shown_things_fades_no_liking(past: History) -> None:
    doings = History(events=tuple(event for event in past.events if event.kind != "impression"))
    shown, unseen = (read(request(history=each), CATALOGUE, models()).past for each in (past, doings))
    for part in ("liked", "likings", "disliked", "kinds", "tops", "languages"):
        assert getattr(shown, part) == getattr(unseen, part)


def test_what_was_liked_before_sixty_lists_is_not_disliked_for_one_skip() -> None:
    liked, *others = (item.id for item in CATALOGUE.items[:61])
    said = [(liked, "like"), *((item, "impression") for item in others), (liked, "skip")]
    past = History(events=tuple(Event(user_id="u", item_id=i, kind=k, at=NOW) for i, k in said))  # type: ignore[arg-type]
    found = read(request(history=past), CATALOGUE, models()).past
    assert not found.disliked and list(found.liked) == list(found.likings) == [CATALOGUE.row[liked]]


def clicks(count: int) -> History:
    """One mere click on each of so many items in the language of the page."""
    ids = [item.id for item in CATALOGUE.items if item.language == "en"][:count]
    return History(events=tuple(Event(user_id="u", item_id=item_id, kind="click", at=NOW) for item_id in ids))


def test_mere_clicks_are_given_as_no_reason() -> None:
    reading = read(request(history=clicks(20)), CATALOGUE, models())
    for row, item in enumerate(CATALOGUE.items):
        candidate = Candidate(item_id=item.id, row=row, sources={"collaborative": 1.0})
        assert not {claim.text for claim in claims(reading, candidate)} & {"reasons.habit", "reasons.together"}


def test_mere_clicks_take_nothing_from_what_is_famous() -> None:
    clicked, plain = (
        additive(read(request(history=past), CATALOGUE, models()), everything(request()))
        for past in (clicks(20), History())
    )
    assert clicked.tolist() == plain.tolist()
