"""The feedback loop: what is done counts at once, and new models serve only where the gate lets them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.lists import ListMaker
from chat.parts import Parts
from db import learning
from db.engine import open_database
from db.events import EventStore
from db.journal import Journal
from db.learning import Learner
from db.pbox import PBoxStore
from db.trainer import Alive, ChildTrainer, Job, Trainer, TrainingFailed
from db.trainings import LEASE, TrainingStore
from db.users import UserStore
from db.work import work
from prompts.texts import Texts
from recommend import verdicts
from recommend.bundles import Bundle, Bundles
from recommend.fine import Scorer, additive
from recommend.learning import Serving, decide, hold_back, learn
from recommend.models import Models, fingerprint, fit_models
from recommend.pipeline import Pipeline
from recommend.population import simulate
from recommend.reading import Reading
from recommend.recall import Pool
from recommend.request import Event, EventKind, Listener
from recommend.verdicts import Figure, Verdict
from tests.recommend_stage import NOW, catalogue, history, models, population, request, search
from tools.context import Engine, ListRequest, Stores

CATALOGUE = catalogue()
LATER = NOW + timedelta(hours=2)


def spoiled(fitted: Models) -> Models:
    """Models that rank backwards."""
    return replace(fitted, collaborative=replace(fitted.collaborative, weights=-fitted.collaborative.weights))


def fit_badly(items, events) -> Models:
    return spoiled(fit_models(items, events))


def fit_to_nothing(items, events) -> Models:
    fitted = fit_models(items, events)
    weights = np.full_like(fitted.collaborative.weights, np.nan)
    return replace(fitted, collaborative=replace(fitted.collaborative, weights=weights))


def same(one: Models, other: Models) -> bool:
    rows = {int(row): 1.0 for row in one.collaborative.rows[:5]}
    scores = one.likely(rows), other.likely(rows)
    return scores[0] is not None and scores[1] is not None and bool(np.allclose(scores[0], scores[1], atol=1e-5))


def likes(user_id: str, rows: Sequence[int], at: datetime) -> list[Event]:
    return [
        Event(user_id=user_id, item_id=CATALOGUE.items[row].id, kind="like", at=at + timedelta(minutes=place))
        for place, row in enumerate(rows)
    ]


def camps(size: int, at: datetime, offset: int = 0) -> list[Event]:
    """Sixty listeners who each like `size` rows of one of two camps of 40; the same ones for the same arguments."""
    events = []
    for n in range(60):
        own = np.random.default_rng(n).permutation(40)[offset : offset + size] + 40 * (n % 2)
        events += likes(f"camper-{n}", own.tolist(), at)
    return events


# --- the gate


def test_what_is_held_back_is_liked_last_and_nothing_of_it_is_learnt() -> None:
    events = likes("ann", range(8), NOW) + likes("ben", range(3), NOW)
    events.append(Event(user_id="ann", item_id=CATALOGUE.items[7].id, kind="click", at=NOW - timedelta(days=9)))
    window = hold_back(CATALOGUE, events, NOW)
    assert [(sorted(one.liked), sorted(one.targets)) for one in window.listeners] == [([*range(6)], [6, 7])]
    assert {(e.user_id, CATALOGUE.row[e.item_id]) for e in window.without(events)} == {
        *(("ann", row) for row in range(6)),
        *(("ben", row) for row in range(3)),
    }


def test_the_serving_models_judge_themselves_only_where_they_have_seen_nothing_of_the_window() -> None:
    events = list(population()[1])
    assert not hold_back(CATALOGUE, events, NOW).fresh
    assert not hold_back(CATALOGUE, events, NOW - timedelta(days=999)).listeners, "nobody was known then"
    since = sorted(e.at for e in events)[len(events) * 3 // 4]
    window = hold_back(CATALOGUE, events, since)
    assert window.fresh and window.pairs
    assert not [e for e in events if (e.user_id, e.item_id) in window.pairs and e.kind == "like" and e.at <= since]


def test_models_of_a_few_more_events_are_accepted_and_know_all_of_them() -> None:
    events = [*population()[1], *likes("new", range(40, 52), LATER)]
    fitted, verdict = learn(CATALOGUE, lambda: events, (models(), Serving(until=NOW)))
    assert verdict.accepted and verdict.against == "refitted" and verdict.listeners > 50
    assert same(fitted, fit_models(CATALOGUE, events)) and not same(fitted, models())


def test_models_that_rank_worse_than_the_serving_ones_are_refused_with_figures() -> None:
    events = [*camps(8, NOW), *camps(8, LATER, offset=8)]
    rival = fit_models(CATALOGUE, camps(8, NOW)), Serving(until=NOW + timedelta(hours=1))
    _, verdict = learn(CATALOGUE, lambda: events, rival, fit_badly)
    assert not verdict.accepted and verdict.against == "serving"
    assert "collaborative" in verdict.reasons[0] and verdict.figures["collaborative@10"].high < 0.0
    assert verdict.figures["graph@10"].after > 0.0
    assert learn(CATALOGUE, lambda: events, rival)[1].accepted


def test_events_that_drown_the_taste_of_the_others_are_refused() -> None:
    rng = np.random.default_rng(0)
    crowd = [line for n in range(300) for line in likes(f"bot-{n}", rng.choice(120, 40, False), LATER)]
    events = [*camps(16, NOW), *crowd]
    rival = fit_models(CATALOGUE, camps(16, NOW)), Serving(until=NOW + timedelta(hours=1))
    _, verdict = learn(CATALOGUE, lambda: events, rival)
    assert not verdict.accepted, verdict


@pytest.mark.parametrize("first", [True, False])
def test_models_with_a_value_that_is_not_finite_are_refused(first: bool) -> None:
    rival = None if first else (models(), Serving(until=NOW, forgotten=3))
    _, verdict = learn(CATALOGUE, lambda: population()[1], rival, fit_to_nothing)
    assert not verdict.accepted and verdict.reasons == ("collaborative: a value is not finite",)


def test_models_that_lost_most_items_are_refused() -> None:
    few = fit_models(CATALOGUE, population()[1][:300])
    verdict = decide(few, models(), {}, forgotten=0)
    assert not verdict.accepted and "knows" in verdict.reasons[0]


def test_no_figure_keeps_models_in_service_that_know_what_was_forgotten() -> None:
    worse = {"graph": Figure(before=0.2, after=0.1, low=-0.15, high=-0.05)}
    assert not decide(models(), models(), worse, forgotten=0).accepted
    verdict = decide(models(), models(), worse, forgotten=7)
    assert verdict.accepted and "7 events" in verdict.reasons[-1]


@given(before=st.floats(0.01, 0.5), loss=st.floats(-0.2, 0.2), width=st.floats(0.0, 0.2))
@settings(max_examples=60, deadline=None)
def test_only_a_loss_beyond_tolerance_and_chance_is_refused(before: float, loss: float, width: float) -> None:
    figure = Figure(before=before, after=before - loss, low=-loss - width, high=-loss + width)
    harmful = loss > verdicts.TOLERANCE * before * 1.0001 and loss > width
    harmless = loss <= verdicts.TOLERANCE * before * 0.9999 or loss <= width
    accepted = decide(models(), models(), {"graph": figure}, forgotten=0).accepted
    assert accepted or not harmless
    assert not (accepted and harmful)


def test_too_few_listeners_are_no_judges_and_are_said_to_be() -> None:
    events = likes("ann", range(8), NOW)
    old = fit_models(CATALOGUE, events)
    _, verdict = learn(CATALOGUE, lambda: events, (old, Serving(until=NOW)))
    assert verdict.accepted and verdict.against == "nothing" and "too few" in verdict.reasons[0]


# --- the loop, on a real database


@cache
def few() -> tuple[list[Listener], list[Event]]:
    return simulate(CATALOGUE, listeners=30, seed=5, until=NOW)


@dataclass
class Shop:
    """One installation; `learner` gives applications on it."""

    folder: Path

    def __post_init__(self) -> None:
        self.url = f"sqlite:///{self.folder / 'attune.db'}"
        self.database = open_database(self.url)
        self.users, self.events = UserStore(self.database), EventStore(self.database)
        self.trainings, self.bundles = TrainingStore(self.database), Bundles(self.folder / "learnt")

    def learner(self, trainer: Trainer | None = None) -> Learner:
        return Learner(self.events, self.trainings, self.bundles, CATALOGUE, trainer or self.here)

    def here(self, job: Job, alive: Alive) -> Verdict:
        """Trains in this process."""
        return work(job, CATALOGUE, self.events)

    def like(self, user_id: str, rows: Sequence[int]) -> None:
        self.users.ensure(user_id)
        self.events.bulk(likes(user_id, rows, LATER))

    def pointed(self) -> Bundle:
        bundle = self.bundles.serving()
        assert bundle is not None
        return bundle


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the simulated listeners, to be copied."""
    new = Shop(tmp_path_factory.mktemp("filled"))
    new.events.replace_simulated(*few())
    new.database.truncate_log()
    new.database.close()
    return new.folder / "attune.db"


@pytest.fixture
def shop(tmp_path: Path, filled: Path) -> Shop:
    shutil.copy(filled, tmp_path)
    return Shop(tmp_path)


def served(learner: Learner) -> Pipeline:
    return Pipeline(CATALOGUE, search(), learner.opening(minutes=60))


def test_an_accepted_training_is_swapped_in_and_kept_in_the_history(shop: Shop) -> None:
    learner = shop.learner()
    running = served(learner)
    old = running.models
    shop.like("ann", range(60, 100))
    training = learner.train(LATER)
    assert training is not None and training.outcome == "accepted"
    assert running.models is old and learner.pick_up(running.swap) and not learner.pick_up(running.swap)
    assert same(running.models, fit_models(CATALOGUE, shop.events.all())) and not same(running.models, old)
    assert shop.trainings.last()[0] == training
    assert training.events == shop.events.extent().events == shop.pointed().events
    assert [place.name for place in shop.bundles.folder.iterdir() if place.is_dir()] == [shop.pointed().name]


def refuses(job: Job, alive: Alive) -> Verdict:
    return Verdict(accepted=False, reasons=("worse",))


def fails(job: Job, alive: Alive) -> Verdict:
    (job.draft / "graph").mkdir(parents=True)
    raise MemoryError("no room")


@pytest.mark.parametrize(("trainer", "outcome", "said"), [(refuses, "refused", "worse"), (fails, "failed", "no room")])
def test_a_refused_or_failed_training_leaves_the_old_models_and_is_kept(
    shop: Shop, trainer: Trainer, outcome: str, said: str
) -> None:
    learner = shop.learner(trainer)
    running = served(learner)
    before, bundle = running.models, shop.pointed()
    training = learner.train(LATER)
    assert training is not None and training.outcome == outcome and said in training.verdict.reasons[0]
    assert not learner.pick_up(running.swap) and running.models is before and shop.pointed() == bundle
    assert shop.trainings.last()[0].outcome == outcome
    assert same(served(shop.learner()).models, before)
    shop.learner().train(LATER)
    assert not list(shop.bundles.folder.glob("*.part"))


def test_the_next_start_loads_instead_of_fitting(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shop.learner().opening(minutes=60)
    monkeypatch.setattr(learning, "fit_models", lambda *_: pytest.fail("fitted anew"))
    assert same(shop.learner().opening(minutes=60), first)
    assert same(shop.learner().opening(minutes=0), first)
    shop.like("ann", range(5))
    assert same(shop.learner().opening(minutes=60), first), "what is new is learnt in the background"


def test_a_start_without_learning_fits_what_has_happened_since(shop: Shop) -> None:
    shop.learner().opening(minutes=0)
    shop.like("ann", range(60, 100))
    assert same(shop.learner().opening(minutes=0), fit_models(CATALOGUE, shop.events.all()))


@pytest.mark.parametrize("left", [b"PK\x03\x04 half", b"", bytes(400)], ids=["half", "nothing", "zeros"])
@pytest.mark.parametrize("broken", ["models.json", "collaborative.npz", "graph.json"])
def test_a_bundle_that_cannot_be_read_is_made_anew(shop: Shop, broken: str, left: bytes) -> None:
    first = shop.learner().opening(minutes=60)
    (shop.bundles.folder / shop.pointed().name / broken).write_bytes(left)
    assert same(shop.learner().opening(minutes=60), first)
    assert shop.bundles.load(shop.pointed(), CATALOGUE) is not None


def test_a_pointer_to_other_items_or_of_another_version_is_no_bundle(shop: Shop) -> None:
    first = shop.learner().opening(minutes=60)
    pointer = shop.bundles.folder / "serving.json"
    other = shop.pointed().model_copy(update={"catalogue": "0" * 64}).model_dump_json()
    for text in (other, '{"name": "x"}', "{"):
        pointer.write_text(text, encoding="utf-8")
        assert shop.learner().due(datetime.now(UTC) + timedelta(days=1), minutes=60)
        assert same(shop.learner().opening(minutes=60), first)


def test_a_large_log_is_not_waited_for_at_the_first_start(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_AT_START", 100)
    learner = shop.learner()
    running = served(learner)
    assert running.models.likely({0: 1.0}) is None and learner.due(NOW, minutes=60)
    learner.train(NOW)
    assert learner.pick_up(running.swap) and same(running.models, fit_models(CATALOGUE, few()[1]))


def test_a_request_in_flight_keeps_its_models() -> None:
    reached, swapped, seen = threading.Event(), threading.Event(), []

    def slow(reading: Reading, pool: Pool) -> np.ndarray:
        reached.set()
        assert swapped.wait(10)
        seen.append(reading.models)
        return np.zeros(len(pool), dtype=np.float32)

    running = Pipeline(CATALOGUE, search(), models(), scorer=slow)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(running.recommend, request())
        assert reached.wait(10)
        running.swap(Models.empty(CATALOGUE))
        swapped.set()
        asked.result(10)
    assert seen == [models()] and running.models.likely({0: 1.0}) is None


def test_a_swap_leaves_the_sequence_model_where_no_other_comes_with_it() -> None:
    class Nothing:
        def scores(self, rows_oldest_first: np.ndarray) -> None: ...

    running = Pipeline(CATALOGUE, search(), replace(models(), sequence=Nothing()))
    running.swap(models())
    assert isinstance(running.models.sequence, Nothing)


def test_lists_are_of_one_bundle_or_the_other_while_models_are_swapped() -> None:
    bundles = models(), spoiled(models())
    running = Pipeline(CATALOGUE, search(), bundles[0])
    wanted = request(history=history(population()[0][0].user_id), size=12)
    whole = [Pipeline(CATALOGUE, search(), each).recommend(wanted).item_ids for each in bundles]
    assert whole[0] != whole[1]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(running.recommend, wanted) for _ in range(40)]
        for turn in range(200):
            running.swap(bundles[turn % 2])
        assert {tuple(one.result(30).item_ids) for one in asked} <= {tuple(ids) for ids in whole}


def test_one_application_trains_at_a_time_and_the_other_takes_the_models_up(shop: Shop) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(job: Job, alive: Alive) -> Verdict:
        begun.set()
        assert go_on.wait(20)
        return shop.here(job, alive)

    one, other = shop.learner(slowly), shop.learner(lambda *_: pytest.fail("trained beside the first"))
    served(one)
    beside = served(other)
    shop.like("ann", range(60, 100))
    now = datetime.now(UTC)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(one.train, now)
        assert begun.wait(20)
        assert other.train(now) is None
        go_on.set()
        assert training.result(30) is not None
    assert other.pick_up(beside.swap)
    assert same(beside.models, fit_models(CATALOGUE, shop.events.all()))


def test_the_lease_of_a_dead_application_runs_out(shop: Shop) -> None:
    assert shop.trainings.lease("dead", NOW)
    assert not shop.trainings.lease("alive", NOW + LEASE / 2)
    assert shop.trainings.lease("dead", NOW + LEASE / 2)
    assert shop.trainings.lease("alive", NOW + 2 * LEASE)
    shop.trainings.release("dead")
    assert not shop.trainings.lease("dead", NOW + 2 * LEASE)


def test_a_training_whose_lease_was_lost_changes_nothing(shop: Shop) -> None:
    def overtaken(job: Job, alive: Alive) -> Verdict:
        assert shop.trainings.lease("other", datetime.now(UTC) + 2 * LEASE)
        return shop.here(job, alive)

    shop.learner().opening(minutes=60)
    bundle = shop.pointed()
    training = shop.learner(overtaken).train(datetime.now(UTC))
    assert training is not None and training.outcome == "failed" and shop.pointed() == bundle


def test_a_training_is_due_when_its_time_has_come_and_enough_has_happened(shop: Shop) -> None:
    learner = shop.learner()
    learner.opening(minutes=60)
    soon, hour = datetime.now(UTC) + timedelta(minutes=20), datetime.now(UTC) + timedelta(minutes=61)
    assert not learner.due(hour, minutes=60)
    shop.like("ann", range(learning.LEAST_NEW))
    assert learner.due(hour, minutes=60) and not learner.due(soon, minutes=60)
    for n in range(learning.MANY_NEW // 500):
        shop.like(f"crowd-{n}", range(500))
    assert learner.due(soon, minutes=60) and not learner.due(datetime.now(UTC), minutes=60)
    shop.learner(refuses).train(soon)
    assert not learner.due(soon + timedelta(minutes=61), minutes=60), "a refused one is not tried again for the same"


def test_the_thread_goes_on_after_trouble_and_swaps_what_it_trained(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "LOOK_S", 0.02)
    monkeypatch.setattr(learning, "DUE_S", 0.02)
    learner, swapped, troubles = shop.learner(), threading.Event(), []
    running, actions_after = served(learner), shop.events.actions_after

    def once_in_trouble(event_id: int) -> int:
        if not troubles:
            troubles.append(event_id)
            raise OSError("the database is away")
        return actions_after(event_id)

    monkeypatch.setattr(shop.events, "actions_after", once_in_trouble)
    shop.like("ann", range(60, 60 + learning.LEAST_NEW))

    def serve(fitted: Models, scorer: Scorer | None) -> None:
        running.swap(fitted, scorer)
        swapped.set()

    learner.start(serve, minutes=1e-6)
    assert swapped.wait(30) and troubles
    learner.stop()
    assert not learner._thread or not learner._thread.is_alive()
    assert same(running.models, fit_models(CATALOGUE, shop.events.all()))


def test_without_minutes_nothing_is_learnt_in_the_background(shop: Shop) -> None:
    learner = shop.learner()
    learner.start(lambda *_: None, minutes=0)
    assert learner._thread is None


def only_known_to(user_id: str, shop: Shop) -> int:
    """A row that nobody else likes."""
    known = set(fit_models(CATALOGUE, shop.events.all()).collaborative.rows.tolist())
    row = next(row for row in range(len(CATALOGUE)) if row not in known)
    shop.like(user_id, [row, *range(100, 130)])
    return row


def forget(shop: Shop) -> None:
    shop.users.forget("ann")


def withdraw(shop: Shop) -> None:
    shop.users.update("ann", consent=False)


@pytest.mark.parametrize("leave", [forget, withdraw])
def test_who_is_forgotten_or_withdraws_consent_is_unknown_to_the_next_models(
    shop: Shop, leave: Callable[[Shop], None]
) -> None:
    row, learner = only_known_to("ann", shop), shop.learner()
    running = served(learner)
    assert row in running.models.collaborative.rows
    leave(shop)
    hour = datetime.now(UTC) + timedelta(minutes=61)
    assert learner.due(hour, minutes=60)
    shop.like("ben", range(100, 140))
    assert learner.due(hour, minutes=60), "ids that were freed and given away again hide nothing"
    assert learner.train(hour) and learner.pick_up(running.swap)
    assert row not in running.models.collaborative.rows
    assert row not in shop.learner().opening(minutes=60).collaborative.rows


def test_a_start_after_somebody_was_forgotten_does_not_know_them(shop: Shop) -> None:
    row = only_known_to("ann", shop)
    shop.learner().opening(minutes=60)
    shop.users.forget("ann")
    assert row not in shop.learner().opening(minutes=60).collaborative.rows


def test_nothing_is_learnt_from_users_without_consent_and_real_ones_count_beside_simulated(shop: Shop) -> None:
    row = only_known_to("ann", shop)
    shop.users.ensure("no", ui_language="en")
    shop.users.update("no", consent=False)
    other = row + 1
    while other in fit_models(CATALOGUE, shop.events.all()).collaborative.rows:
        other += 1
    shop.like("no", [other])
    rows = shop.learner().opening(minutes=60).collaborative.rows
    assert row in rows and other not in rows and len(rows) > 100


def test_the_training_process_trains_and_a_stopped_one_leaves_nothing(shop: Shop) -> None:
    train = ChildTrainer(shop.url, shop.folder, fingerprint(CATALOGUE))
    learner = shop.learner(train)
    running = served(learner)
    shop.like("ann", range(60, 100))
    job = Job(folder=shop.bundles.folder, draft=shop.bundles.draft(), serving=shop.pointed(), last_event=10)
    with pytest.raises(TrainingFailed, match="stopped"):
        train(job, lambda: False)
    assert not job.draft.exists()
    training = learner.train(datetime.now(UTC))
    assert training is not None and training.outcome == "accepted", training
    assert learner.pick_up(running.swap)
    assert same(running.models, fit_models(CATALOGUE, shop.events.all()))


# --- at once


class Watched:
    """A pipeline that keeps how the last request was read."""

    def __init__(self) -> None:
        self.last: Reading | None = None
        self.pipeline = Pipeline(CATALOGUE, search(), models(), scorer=self.watch)

    def watch(self, reading: Reading, pool: Pool) -> np.ndarray:
        self.last = reading
        return additive(reading, pool)


@pytest.mark.parametrize("kind", ["like", "dislike", "play", "skip", "save", "finished"])
def test_the_very_next_list_knows_what_was_just_done(shop: Shop, kind: EventKind) -> None:
    watched = Watched()
    stores = Stores(shop.users, PBoxStore(shop.database), shop.events, Journal(shop.database))
    engine = Engine(CATALOGUE, search(), None, watched.pipeline)  # type: ignore[arg-type]
    maker = ListMaker(Parts(stores=stores, engine=engine, texts=Texts.load(), secret="x", lessons=None))  # type: ignore[arg-type]
    listener: Listener = shop.users.ensure("ann")
    wanted = ListRequest(intent="home")
    item_id = maker.make(listener, "talk", wanted, NOW).item_ids[0]
    assert watched.last is not None and not watched.last.past.liked and not watched.last.past.disliked
    shop.events.log("ann", item_id, kind, NOW + timedelta(seconds=1))
    after = maker.make(listener, "talk", wanted, NOW + timedelta(seconds=2))
    row, past = CATALOGUE.row[item_id], watched.last.past
    assert (row in past.liked) == (kind not in ("dislike", "skip"))
    assert (row in past.disliked) == (kind in ("dislike", "skip"))
    assert bool(past.heard[row]) == (kind in ("play", "finished"))
    assert (item_id in after.item_ids) or kind in ("dislike", "skip", "play", "finished")
    if kind == "dislike":
        assert item_id not in after.item_ids and not watched.last.allowed[row]
