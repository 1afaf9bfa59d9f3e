"""Mixing: diversity against brute force, calibration, caps, chance, and what each leaves alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.fairness import disparity, exposures, lists_of, report
from lab.metrics import intra_list_diversity, miscalibration
from recommend.calibration import Calibration, follows, liked_shares, shares
from recommend.caps import LEAST_PROVIDER, Crowd, provider
from recommend.chance import chance
from recommend.coarse import coarse
from recommend.diversity import LEAST_LEFT, Nearest, Volume, greedy_map
from recommend.fine import additive, fine
from recommend.mix import MixConfig, mix
from recommend.pbox import Factor
from recommend.reading import Reading, read
from recommend.recall import recall
from recommend.request import Candidate, Effect, History, Request
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


@st.composite
def kernels(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Quality (n) and likeness (n × n): unit diagonal, positive definite."""
    size, seed = draw(st.integers(1, 8)), draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(size, draw(st.integers(2, 12))))
    vectors = np.hstack([vectors, 0.3 * np.abs(vectors).max() * np.eye(size)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.exp(rng.normal(size=size)), vectors @ vectors.T


@FEW
@given(kernels(), st.integers(1, 8))
def test_each_step_of_the_greedy_map_is_the_best_step_by_brute_force(
    kernel: tuple[np.ndarray, np.ndarray], count: int
) -> None:
    quality, likeness = kernel
    full = quality[:, None] * likeness * quality
    chosen = greedy_map(quality, likeness, count)
    assert len(chosen) == min(count, len(quality)) == len(set(chosen))
    for step in range(len(chosen)):
        best = max(volume(full, [*chosen[:step], place]) for place in range(len(quality)) if place not in chosen[:step])
        assert volume(full, chosen[: step + 1]) == pytest.approx(best, abs=1e-6)


@FEW
@given(kernels(), st.integers(1, 4))
def test_the_greedy_map_keeps_its_bound_to_the_best_of_all_sets(
    kernel: tuple[np.ndarray, np.ndarray], count: int
) -> None:
    """log det(I + L) is monotone and submodular, so greedy reaches 1 - 1/e of the optimum (Nemhauser et al. 1978)."""
    quality, likeness = kernel
    full = quality[:, None] * likeness * quality + np.eye(len(quality))
    scale = np.sqrt(np.diag(full))
    chosen = greedy_map(scale, full / scale[:, None] / scale, count)
    size = min(count, len(quality))
    best = max(volume(full, list(some)) for some in combinations(range(len(quality)), size))
    assert volume(full, chosen) >= (1 - 1 / np.e) * best - 1e-9


def test_the_greedy_map_ends_where_nothing_adds_volume() -> None:
    same = np.ones((3, 3))
    assert greedy_map(np.array([1.0, 2.0, 1.0]), same, 3) == [1]
    assert greedy_map(np.ones(0), np.zeros((0, 0)), 3) == []


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
    assert len(rows) == len(set(rows)) == min(asked.size, sum(reading.allowed[c.row] for c in found))
    assert all(reading.allowed[row] for row in rows) and set(rows) <= {c.row for c in found}


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
