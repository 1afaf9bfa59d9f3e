"""Mixing: diversity against brute force, calibration, caps, chance, and what each leaves alone."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.fairness import disparity, exposures, lists_of, report
from lab.metrics import intra_list_diversity, miscalibration
from recommend.calibration import Calibration, calibration, follows, liked_shares, shares
from recommend.campaigns import Campaign, Title
from recommend.caps import LEAST_AUTHOR, LEAST_PROVIDER, Crowd, provider, top, usual_caps
from recommend.chance import chance
from recommend.claims import SURE_HIT
from recommend.coarse import coarse
from recommend.diversity import LEAST_LEFT, Nearest, Volume
from recommend.fine import additive, fine
from recommend.mix import LOGITS, MOST_LAMBDA, NEUTRAL_DIVERSITY, POOL, MixConfig, mix
from recommend.pbox import Entry, Factor
from recommend.reading import Reading, read
from recommend.recall import recall
from recommend.request import Candidate, Effect, Event, History, Request
from recommend.wished import together
from tests.recommend_stage import NOW, catalogue, entry, history, models, pipeline, population, request, search
from tests.test_recommend_invariants import requests

CATALOGUE = catalogue()
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PERSONAS = [person for person in population()[0] if person.persona]
VARIANTS = [MixConfig(), MixConfig(calibration=0.0), MixConfig(diversity="dpp"), MixConfig("dpp", calibration=0.4)]


def ranked(asked: Request) -> tuple[Reading, list[Candidate]]:
    reading = read(asked, CATALOGUE, models())
    return reading, fine(reading, coarse(reading, recall(reading, search())), additive)


def volume(kernel: np.ndarray, chosen: list[int]) -> float:
    return float(np.linalg.slogdet(kernel[np.ix_(chosen, chosen)])[1]) if chosen else 0.0


@FEW
@given(st.integers(0, 1000), st.permutations(range(6)))
def test_the_loss_of_volume_is_what_log_det_falls_short_by(seed: int, order: list[int]) -> None:
    vectors = np.random.default_rng(seed).normal(size=(6, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness, spread = vectors @ vectors.T, Volume(vectors @ vectors.T)
    for step, place in enumerate(order):
        gain = volume(likeness, order[: step + 1]) - volume(likeness, order[:step])
        assert spread.loss()[place] == pytest.approx(-gain, abs=1e-6)
        spread.add(place)


@FEW
@given(st.integers(0, 1000), st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True))
def test_losses_never_fall_and_stay_finite(seed: int, order: list[int]) -> None:
    vectors = np.random.default_rng(seed).normal(size=(6, 4)).astype(np.float32)
    vectors[5] = vectors[4]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for spread in (Nearest(vectors), Volume.of(vectors)):
        before = spread.loss().copy()
        assert before == pytest.approx(np.zeros(6), abs=1e-6)
        for place in order:
            spread.add(place)
            assert (spread.loss() >= before - 1e-6).all() and (spread.loss() <= -np.log(LEAST_LEFT) + 1e-6).all()
            before = spread.loss().copy()


def test_the_loss_of_calibration_is_the_miscalibration_of_the_list_with_the_candidate() -> None:
    liked = {"a": 0.5, "b": 0.3, "c": 0.2}
    genres = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0, 0]], dtype=float)
    balance = Calibration(np.array(list(liked.values())), genres)
    balance.add(0)
    for place, loss in enumerate(balance.loss()):
        shown = dict(zip(liked, (genres[0] + genres[place]) / 2, strict=True))
        assert loss == pytest.approx(miscalibration(shown, liked))


def miscalibrated(asked: Request, config: MixConfig) -> float:
    reading, found = ranked(asked)
    chosen = mix(reading, found, (), config)
    shown: dict[str, float] = {}
    for candidate in chosen:
        for genre, share in shares(CATALOGUE.items[candidate.row], config.depth).items():
            shown[genre] = shown.get(genre, 0.0) + share / len(chosen)
    return miscalibration(shown, liked_shares(reading, config.depth))


def test_calibration_brings_the_lists_nearer_to_what_was_liked() -> None:
    asked = [request(listener=person, history=history(person.user_id)) for person in PERSONAS]
    without, some, much = (sum(miscalibrated(one, MixConfig(calibration=c)) for one in asked) for c in (0.0, 0.2, 2.0))
    assert much < some < without


@FEW
@given(requests())
def test_without_a_history_calibration_does_nothing(asked: Request) -> None:
    reading, found = ranked(asked.model_copy(update={"history": History()}))
    assert mix(reading, found, (), MixConfig(calibration=3.0)) == mix(reading, found, (), MixConfig(calibration=0.0))


def test_a_wish_and_diversity_turn_calibration_down() -> None:
    past = history(PERSONAS[0].user_id)

    def weight(*entries, **more) -> float:
        return follows(read(request(*entries, history=past, **more), CATALOGUE, models()))

    assert weight() == weight(entry(Factor.CATEGORY, "kids", -1.0)) == 1.0
    assert weight(entry(Factor.CATEGORY, "kids", 1.0)) == pytest.approx(0.0)
    assert 0.0 < weight(entry(Factor.CATEGORY, "kids", 0.3)) < weight(entry(Factor.CATEGORY, "kids", 0.1)) < 1.0
    assert weight(entry(Factor.DIVERSITY, "", 1.0)) == 0.0 < weight(entry(Factor.DIVERSITY, "", 0.5)) < 1.0
    assert weight(intent="discover") == weight(intent="trending") == 0.0


@FEW
@given(requests(), st.sampled_from(VARIANTS))
def test_every_variant_gives_distinct_allowed_items_up_to_the_size(asked: Request, config: MixConfig) -> None:
    reading, found = ranked(asked)
    chosen = mix(reading, found, (), config)
    rows = [c.row for c in chosen]
    goes_on = asked.intent == "search" and asked.seen  # only what the search surely finds
    fit = [c for c in found if not goes_on or c.sources.get("query", 0.0) >= SURE_HIT]
    assert len(rows) == len(set(rows)) == min(asked.size, sum(reading.allowed[c.row] for c in fit))
    assert all(reading.allowed[row] for row in rows) and set(rows) <= {c.row for c in found}


def plainly_greedy(reading: Reading, found: list[Candidate], config: MixConfig) -> list[Candidate]:
    """The mixing without given places, every cost worked out anew for every place."""
    left, chosen = [c for c in found if reading.allowed[c.row]][: max(POOL, 3 * reading.request.size)], list[int]()
    weight = MOST_LAMBDA * reading.request.pbox.value(Factor.DIVERSITY, default=NEUTRAL_DIVERSITY)
    vectors = CATALOGUE.vectors[[c.row for c in left]]
    while len(chosen) < min(reading.request.size, len(left)):
        crowd, balance = Crowd(reading, left), calibration(reading, left, config.depth)
        spread = Nearest(vectors) if config.diversity == "mmr" else Volume.of(vectors, config.volume)
        for place in chosen:
            crowd.add(place)
            spread.add(place)
            if balance:
                balance.add(place)
        value = (1 - weight) * (np.array([c.fine for c in left]) - crowd.costs()) / LOGITS - weight * spread.loss()
        if balance:
            value = value - config.calibration * follows(reading) * balance.loss()
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
    return [left[place] for place in chosen]


@FEW
@given(requests(), st.sampled_from(VARIANTS))
def test_without_pins_and_new_interests_each_place_goes_to_the_best_beside_those_chosen(
    asked: Request, config: MixConfig
) -> None:
    reading, found = ranked(of_old(asked))
    found = [c.model_copy(update={"sources": {}}) for c in found]
    if asked.intent != "search":
        rows = [c.row for c in plainly_greedy(reading, found, config)]
        assert [c.row for c in mix(reading, found, (), config)] == rows


def of_old(asked: Request) -> Request:
    """The request with wishes that nobody spoke in this sitting: no places are kept for them."""
    entries = [e.model_copy(update={"set_at": NOW - timedelta(days=1)}) for e in asked.pbox.entries]
    return asked.model_copy(update={"pbox": asked.pbox.model_copy(update={"entries": tuple(entries)})})


def by_one_author() -> tuple[str, list[Candidate]]:
    """An author, and a ranking that five of the author's items lead before others by nobody twice; all would be new."""
    items = {
        row: item for row, item in enumerate(CATALOGUE.items) if item.available and item.author and not item.series
    }
    author = next(a for a, n in Counter(item.author for item in items.values()).most_common() if n >= 5 and a)
    own = [row for row, item in items.items() if item.author == author][:5]
    others = {item.author: row for row, item in items.items() if item.author != author}
    home = top(CATALOGUE.items[own[0]])
    apart = [row for row in others.values() if top(items[row]) != home][:12]
    rows = [*own, *apart]
    fine = [3.0] * len(own) + [2.5] * len(apart)
    return author, [
        Candidate(item_id=items[row].id, row=row, sources={"novel": 1.0} if row == own[0] else {}, fine=value)
        for row, value in zip(rows, fine, strict=True)
    ]


@pytest.mark.parametrize("pinned", [False, True])
def test_what_a_campaign_or_a_new_interest_has_placed_counts_towards_the_caps(pinned: bool) -> None:
    author, found = by_one_author()
    reading = read(request(size=6), CATALOGUE, models())
    pin = Campaign(id="pin", kind="pin", title=Title(en="x", zh="x"), target=(found[1].item_id,))
    chosen = mix(reading, found, (pin,) if pinned else ())
    assert [c.row for c in chosen if c.slot == "explore"] == [found[0].row]
    assert [c.row for c in chosen if c.slot == "campaign"] == ([found[1].row] if pinned else [])
    assert len(chosen) == 6 and len({c.row for c in chosen}) == 6
    assert sum(CATALOGUE.items[c.row].author == author for c in chosen) == LEAST_AUTHOR


def test_nothing_stands_beside_its_like_that_a_campaign_has_placed() -> None:
    reading, found = ranked(request(entry(Factor.NOVELTY, "", 0.0)))
    vectors = CATALOGUE.vectors
    pin = Campaign(id="pin", kind="pin", title=Title(en="x", zh="x"), target=(found[0].item_id,))
    flat = [c.model_copy(update={"fine": 1.0, "effects": (), "sources": {}}) for c in found[:40]]
    second = next(c for c in mix(reading, flat, (pin,)) if c.slot == "ranked")
    likeness = vectors[[c.row for c in flat]] @ vectors[found[0].row]
    assert likeness[[c.row for c in flat].index(second.row)] == pytest.approx(likeness.min())


def test_mere_clicks_say_nothing_of_shares_and_of_where_a_listener_is_at_home() -> None:
    ids = [item.id for item in CATALOGUE.items[:6]]
    for kind, says in (("click", False), ("like", True)):
        past = History(events=tuple(Event(user_id="u", item_id=i, kind=kind, at=NOW) for i in ids))
        reading = read(request(history=past), CATALOGUE, models())
        assert bool(liked_shares(reading, 2)) == bool(usual_caps(reading)) == says


@pytest.mark.parametrize("kind", ["mmr", "dpp"])
def test_more_diversity_asked_for_gives_a_list_of_less_likeness(kind: str) -> None:
    vectors = {item.id: CATALOGUE.vectors[row] for row, item in enumerate(CATALOGUE.items)}

    def spread(value: float) -> float:
        found = 0.0
        for person in PERSONAS:
            reading, candidates = ranked(
                request(entry(Factor.DIVERSITY, "", value), listener=person, history=history(person.user_id), size=10)
            )
            chosen = mix(reading, candidates, (), MixConfig(diversity=kind))
            found += intra_list_diversity([c.item_id for c in chosen], vectors, 10)
        return found

    assert spread(0.0) < spread(0.5) < spread(1.0)


def test_one_provider_costs_beyond_its_cap_and_nothing_where_it_was_wished_for() -> None:
    hosts = [row for row, item in enumerate(CATALOGUE.items) if item.format == "podcast" and item.narrator]
    host = next(CATALOGUE.items[r] for r in hosts if CATALOGUE.items[r].narrator != CATALOGUE.items[r].author)
    who = provider(host)
    reading = read(request(category="x", intent="trending"), CATALOGUE, models())
    row = CATALOGUE.row[host.id]
    beside = Candidate(item_id=host.id, row=row, sources={})
    wished = beside.model_copy(update={"effects": (Effect(factor="entity", key=f"narrator:{who}", shift=1.0),)})
    crowd = Crowd(reading, [beside, wished])
    for _ in range(LEAST_PROVIDER):
        assert crowd.costs().tolist() == [0.0, 0.0]
        crowd._chosen[("provider", str(who))] += 1
    assert crowd.costs()[0] > 0.0 == crowd.costs()[1]


def test_the_provider_of_a_podcast_is_its_host_and_of_a_book_its_author() -> None:
    for item in CATALOGUE.items:
        hosted = item.format == "podcast" and item.narrator
        assert provider(item) == (item.narrator if hosted else item.author or item.narrator)


def test_chance_depends_on_the_seed_and_the_row_alone() -> None:
    rows = np.arange(50_000)
    noise = chance(7, rows)
    assert (chance(7, rows[[4, 40_000, 9]]) == noise[[4, 40_000, 9]]).all()
    assert not np.isclose(noise, chance(8, rows)).any() or np.isclose(noise, chance(8, rows)).mean() < 1e-3
    assert noise.mean() == pytest.approx(np.euler_gamma, abs=0.02)
    assert noise.std() == pytest.approx(np.pi / np.sqrt(6), abs=0.02)
    assert abs(np.corrcoef(noise, chance(8, rows))[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.02
    assert np.isfinite(chance(-3, rows[:5])).all() and chance(0, rows[:0]).shape == (0,)


def test_exposure_adds_up_and_follows_the_positions() -> None:
    one, other = (next(i for i in CATALOGUE.items if provider(i) == name) for name in ("Jane Austen", "刘慈欣"))
    events = [e for e in population()[1] if e.item_id in (one.id, other.id)]
    found = exposures(CATALOGUE, [[one.id, other.id]], events)
    for part in ("exposure", "catalogue", "merit"):
        assert sum(getattr(each, part) for each in found) == pytest.approx(1.0)
    assert found[0].provider == "Jane Austen" and found[0].exposure == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert 0.0 <= disparity(found) <= 1.0


def test_the_fairness_report_says_that_it_is_simulated() -> None:
    people, events = population()
    lists = lists_of(pipeline(), people[:8], events, NOW)
    text = report(CATALOGUE, lists, events)
    assert text.startswith("simulated: 8 listeners' lists") and "Gini" in text and len(text.splitlines()) == 14


def said(minutes: int, *wishes: tuple[Factor, str, float]) -> list[Entry]:
    """Wishes that were spoken together, so many minutes ago."""
    at = NOW - timedelta(minutes=minutes)
    return [entry(factor, key, value).model_copy(update={"set_at": at}) for factor, key, value in wishes]


def test_what_was_wished_for_last_comes_first_and_has_half_of_the_list_however_loud_the_older_wish() -> None:
    romance, history = (Factor.CATEGORY, "romance", 1.0), (Factor.CATEGORY, "history", 0.15)
    slate = pipeline().recommend(request(*said(9, romance), *said(1, history), size=6))
    meeting = [CATALOGUE.in_category("history")[CATALOGUE.row[item_id]] for item_id in slate.item_ids]
    assert sum(meeting) >= 3 and meeting == sorted(meeting, reverse=True)


def test_wishes_of_one_breath_are_answered_together() -> None:
    podcast, crime = (Factor.ENTITY, "tag:podcast", 0.3), (Factor.CATEGORY, "truecrime", 0.3)
    slate = pipeline().recommend(request(*said(9, (Factor.CATEGORY, "comedy", 0.6)), *said(1, podcast, crime), size=6))
    both = CATALOGUE.in_category("truecrime") & CATALOGUE.with_tag("podcast")
    assert sum(both[CATALOGUE.row[item_id]] for item_id in slate.item_ids) >= 3


def test_of_two_genres_said_together_no_item_need_be_both() -> None:
    genres = said(1, (Factor.CATEGORY, "history", 0.3), (Factor.CATEGORY, "mystery", 0.3))
    both = CATALOGUE.in_category("history") & CATALOGUE.in_category("mystery")
    assert sum(both[CATALOGUE.row[i]] for i in pipeline().recommend(request(*genres, size=6)).item_ids) < 4


def test_where_nothing_meets_the_newest_wish_the_one_before_it_comes_first() -> None:
    crosstalk, nobody = (Factor.CATEGORY, "comedy/crosstalk", 0.3), (Factor.ENTITY, "author:Nobody", 0.6)
    older = said(9, (Factor.CATEGORY, "history", 1.0))
    slate = pipeline().recommend(request(*older, *said(2, crosstalk), *said(1, nobody), size=6))
    assert CATALOGUE.in_category("comedy/crosstalk")[[CATALOGUE.row[i] for i in slate.item_ids[:3]]].all()


def test_an_older_wish_that_nothing_meets_has_the_last_place() -> None:
    older = said(9, (Factor.MOOD, "scary", 0.4))
    slate = pipeline().recommend(request(*older, *said(1, (Factor.CATEGORY, "comedy", 1.0)), size=6))
    assert any(CATALOGUE.with_mood("scary")[CATALOGUE.row[item_id]] for item_id in slate.item_ids)


def test_places_are_kept_for_nothing_where_nothing_was_said_in_this_sitting() -> None:
    old = said(600, (Factor.CATEGORY, "romance", 1.0), (Factor.ENTITY, "author:Nobody", 0.3))
    reading = read(request(*old), CATALOGUE, models())
    assert not together(reading, np.arange(len(CATALOGUE)))
