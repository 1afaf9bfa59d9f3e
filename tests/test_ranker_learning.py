"""The fine ranker learns from the event log, and a new one serves only where the gate lets it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.kept_vectors import keep_vectors, kept_vectors
from db.engine import open_database
from db.events import EventStore
from db.journal import Journal
from db.learning import Learner
from db.trainer import Alive, ChildTrainer, Job, Trainer
from db.trainings import TrainingStore
from db.users import UserStore
from db.work import NO_VECTORS, work
from lab.recommender.shifted import log_of, shifted
from lab.retrain import told
from recommend.bundles import RANKER, Bundles
from recommend.fine import Scorer
from recommend.models import Models, fingerprint, fit_models
from recommend.pbox import Factor
from recommend.pipeline import Pipeline
from recommend.population import simulate
from recommend.rankers import CARD, LIMIT, TREES, WEIGHTS, LambdaMart, ranker
from recommend.ranking import learn
from recommend.ranking.gate import OWN, PLAIN, decide
from recommend.ranking.learn import learn_ranker
from recommend.ranking.periods import Log, asked, checks, judges, periods
from recommend.request import Event, Exposure, History, Listener, Request
from recommend.verdicts import Figure, Verdict
from tests.recommend_stage import NOW, catalogue, never_lowers, pool_for, search

CATALOGUE = catalogue()
LATER = NOW + timedelta(hours=2)
ODD = shifted(CATALOGUE, listeners=130, seed=5, until=NOW, love=6.0)
"""Listeners who love what is long, old and little heard: not those whom the shipped ranker knows."""
SHIPPED = WEIGHTS / "lambdamart"


class Shop:
    """One installation whose ranker learns; `learner` gives applications on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"sqlite:///{folder / 'attune.db'}"
        self.database = open_database(self.url)
        self.users, self.events = UserStore(self.database), EventStore(self.database)
        self.trainings, self.bundles = TrainingStore(self.database), Bundles(folder / "learnt")

    def learner(self, trainer: Trainer | None = None, ranker: str = "lambdamart") -> Learner:
        return Learner(self.events, self.trainings, self.bundles, CATALOGUE, trainer or self.here, ranker)  # type: ignore[arg-type]

    def here(self, job: Job, alive: Alive) -> Verdict:
        return work(job, CATALOGUE, self.events, users=self.users)

    def own(self) -> Path:
        """Where the ranker of the bundle in service lies."""
        bundle = self.bundles.serving()
        assert bundle is not None
        return self.bundles.ranker(bundle.name)

    def give_ranker(self) -> str:
        """Put a ranker into the bundle in service: the shipped one under another name; gives its card."""
        shutil.copytree(SHIPPED, self.own())
        card = json.loads((self.own() / CARD).read_text()) | {"data": "learnt here"}
        (self.own() / CARD).write_text(json.dumps(card))
        return (self.own() / CARD).read_text()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Pipeline, list[list[str]]]:
    """A shop after a training on the events of ODD, what ran meanwhile, and its lists before and after."""
    shop = Shop(tmp_path_factory.mktemp("odd"))
    shop.events.replace_simulated(*ODD)
    learner = shop.learner()
    models = learner.opening(minutes=60)
    running = Pipeline(CATALOGUE, search(), models, scorer=learner.scorer() or pytest.fail("nothing serves"))
    lists = [running.recommend(asking()).item_ids]
    assert learner.train(LATER) is not None
    lists.append(running.recommend(asking()).item_ids)
    assert learner.pick_up(running.swap)
    return shop, running, [*map(list, lists), list(running.recommend(asking()).item_ids)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop with a few simulated listeners and a bundle in service."""
    new = Shop(tmp_path)
    new.events.replace_simulated(*simulate(CATALOGUE, listeners=20, seed=5, until=NOW))
    new.learner().opening(minutes=60)
    return new


def asking() -> Request:
    listener = next(one for one in ODD[0] if judges(one.user_id))
    own = tuple(event for event in ODD[1] if event.user_id == listener.user_id)
    return Request(listener=listener, history=History(events=own), now=NOW, size=12)


# --- learning from a log


def test_a_changed_population_gets_a_better_ranker_which_is_accepted(trained) -> None:
    shop, _, _ = trained
    training = shop.trainings.last()[0]
    verdict = training.verdict.ranker
    assert training.outcome == "accepted" and verdict is not None and verdict.accepted, training
    assert verdict.figures[OWN].low > 0.0 and verdict.listeners >= 20 and verdict.against == "serving"
    assert "ranker accepted" in training.verdict.reasons[-1]
    assert OWN in told(training) and PLAIN in told(training)


def test_the_next_request_is_ranked_by_the_new_one_without_a_restart(trained) -> None:
    shop, running, (before, meanwhile, after) = trained
    assert before == meanwhile != after
    assert list(running.recommend(asking()).item_ids) == after
    started = shop.learner()
    again = Pipeline(CATALOGUE, search(), started.opening(minutes=60), scorer=started.scorer() or pytest.fail("none"))
    assert list(again.recommend(asking()).item_ids) == after


def test_a_learnt_ranker_tells_what_it_was_made_of_and_holds_no_pickle(trained) -> None:
    shop, _, _ = trained
    assert {path.name for path in shop.own().iterdir()} == {TREES, CARD}
    card = json.loads((shop.own() / CARD).read_text())
    assert {"config", "data_sha256", "features", "held_out", "scale", "lists", "on_top_of_sha256"} <= card.keys()
    assert card["held_out"]["figures"][OWN]["after"] > card["held_out"]["figures"][OWN]["before"]


@settings(max_examples=10, deadline=None)
@given(
    wish=st.sampled_from([(Factor.CATEGORY, "mystery"), (Factor.MOOD, "funny"), (Factor.POPULARITY, "")]),
    low=st.floats(0.05, 0.5),
    more=st.floats(0.05, 0.5),
)
def test_a_raised_wish_never_lowers_what_has_it_whatever_was_learnt(trained, wish, low, more) -> None:
    never_lowers(LambdaMart.load(trained[0].own()), "sim-0007", wish, low, more)


def test_learnt_scores_are_finite_and_bounded(trained) -> None:
    scores = LambdaMart.load(trained[0].own())(*pool_for("sim-0007"))
    assert np.isfinite(scores).all() and scores.max() <= LIMIT and len(np.unique(scores)) > 10


@pytest.mark.parametrize("crowd", ["noise", "odd"])
def test_what_teaches_nothing_about_those_who_judge_is_refused(crowd: str, tmp_path: Path) -> None:
    people, events = simulate(CATALOGUE, listeners=100, seed=9, until=NOW)
    own = [event for event in events if judges(event.user_id)]
    others = [event for event in events if not judges(event.user_id)]
    if crowd == "noise":
        drawn = np.random.default_rng(0).integers(0, len(CATALOGUE), len(others)).tolist()
        others = [
            e.model_copy(update={"item_id": CATALOGUE.items[row].id}) for e, row in zip(others, drawn, strict=True)
        ]
    else:
        people, others = people + ODD[0], [event for event in ODD[1] if not judges(event.user_id)]
    log = log_of(people, sorted(own + others, key=lambda event: event.at))
    verdict = learn_ranker(CATALOGUE, log, LambdaMart.load(SHIPPED), fit_models, tmp_path / "new")
    assert not verdict.accepted and OWN in verdict.figures, verdict
    assert not (tmp_path / "new").exists()


def test_no_list_knows_what_comes_after_its_cut_and_judges_never_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    people, events = simulate(CATALOGUE, listeners=25, seed=5, until=NOW)
    spans, _ = periods(events)
    until: list[datetime] = []

    def fit(items, some) -> Models:
        until.append(max(event.at for event in some))
        return Models.empty(items)

    found = learn.material(CATALOGUE, log_of(people, events), fit)
    assert len(until) == len(spans) and all(at < span.start for at, span in zip(until, spans, strict=True))
    teachers = {who for one in (*found.lessons, *found.valid) for who in one.listeners}
    judging = {who for one in found.exam for who in one.listeners}
    assert teachers and judging and not any(map(judges, teachers)) and all(map(judges, judging))
    assert not {who for one in found.lessons for who in one.listeners if checks(who)}
    for one in asked(log_of(people, events), spans, {person.user_id for person in people}):
        for question in one.questions:
            assert all(event.at < question.now for event in question.before)
            assert all(question.now <= event.at < spans[one.period].end for event in question.after)


def test_what_is_done_counts_for_the_list_that_showed_it_last() -> None:
    def act(item: int, kind: str, minute: int) -> Event:
        return Event(user_id="ann", item_id=f"i{item}", kind=kind, at=NOW + timedelta(minutes=minute))  # type: ignore[arg-type]

    def shown(minute: int, *items: int, intent: str = "home") -> Exposure:
        places = {f"i{item}": place for place, item in enumerate(items)}
        return Exposure(user_id="ann", at=NOW + timedelta(minutes=minute), intent=intent, places=places)  # type: ignore[arg-type]

    lists = [shown(10, 1, 2), shown(15, 9, intent="search"), shown(20, 2, 3)]
    seen = [act(item, "impression", minute) for minute, items in ((10, (1, 2)), (20, (2, 3))) for item in items]
    acts = [act(0, "like", 0), act(1, "play", 12), act(2, "like", 25), act(1, "like", 26), act(3, "play", 3000)]
    log = Log(lambda: [*seen, *acts], lambda: lists, lambda ids: {one: Listener(user_id=one) for one in ids})
    spans = [replace(periods(acts)[0][0], start=NOW, end=NOW + timedelta(days=9))]
    (one,) = asked(log, spans, {"ann"})
    first, second = one.questions
    assert first.shown == {"i1": 0, "i2": 1} and second.shown == {"i2": 0, "i3": 1}
    done = [[(e.item_id, e.kind) for e in q.after if e.kind != "impression"] for q in one.questions]
    assert done == [[("i1", "play"), ("i1", "like")], [("i2", "like")]]
    assert [event.kind for event in second.before] == ["like", "impression", "impression", "play"]


def test_the_log_tells_lists_with_their_places_and_what_was_asked(shop: Shop) -> None:
    ann = shop.users.ensure("ann")
    journal, pipeline = Journal(shop.database), Pipeline(CATALOGUE, search(), Models.empty(CATALOGUE))
    for number, intent in enumerate(("home", "trending")):
        wanted = Request(listener=ann, now=LATER + timedelta(minutes=number), intent=intent)
        slate = pipeline.recommend(wanted)
        journal.slate("ann", slate, wanted)
        shop.events.impressions(slate)
    ids = [item.id for item in CATALOGUE.items[:3]]
    shop.events.bulk(
        Event(user_id="ann", item_id=item, kind="impression", at=LATER + timedelta(hours=1)) for item in ids
    )
    home, trending, bare = shop.events.exposures()
    assert [home.intent, trending.intent, bare.intent] == ["home", "trending", "home"]
    assert list(trending.places) == list(slate.item_ids) and list(trending.places.values()) == [
        *range(len(slate.cards))
    ]
    assert bare.places == {item: place for place, item in enumerate(ids)} and bare.user_id == "ann"
    shop.users.update("ann", consent=False)
    assert not list(shop.events.exposures())


# --- the gate


@given(before=st.floats(0.01, 0.5), change=st.floats(-0.2, 0.2), width=st.floats(0.0, 0.3), plain=st.floats(0.01, 0.5))
@settings(max_examples=80, deadline=None)
def test_a_ranker_serves_only_with_a_gain_beyond_chance_and_not_clearly_below_the_additive_one(
    before: float, change: float, width: float, plain: float
) -> None:
    after = max(0.0, before + change)
    own = Figure(before=before, after=after, low=after - before - width, high=after - before + width)
    beside = Figure(before=plain, after=after, low=after - plain - width, high=after - plain + width)
    clearly_below = after < 0.95 * plain and after - plain + width < 0.0
    verdict = decide({OWN: own, PLAIN: beside}, 30)
    assert verdict.accepted == (own.low > 0.0 and not clearly_below) and verdict.reasons


# --- bundles


def test_too_few_lists_change_nothing_and_say_how_many_and_the_models_go_on_alone(shop: Shop) -> None:
    card = shop.give_ranker()
    training = shop.learner().train(LATER)
    assert training is not None and training.verdict.accepted and training.verdict.ranker is not None
    assert (
        not training.verdict.ranker.accepted and "too few lists to learn from: " in training.verdict.ranker.reasons[0]
    )
    assert "ranker stays as it is: too few" in training.verdict.reasons[-1]
    assert (shop.own() / CARD).read_text() == card, "the one that served goes on serving beside the new models"


def test_a_ranker_may_be_accepted_while_the_models_are_refused(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fine_one(items, log, serving, fit, folder: Path) -> Verdict:
        shutil.copytree(SHIPPED, folder)
        return Verdict(accepted=True, reasons=("better",))

    monkeypatch.setattr("db.work.learn_ranker", fine_one)
    monkeypatch.setattr(
        "db.work.learn", lambda items, *_: (Models.empty(items), Verdict(accepted=False, reasons=("worse",)))
    )
    learner, before = shop.learner(), shop.bundles.serving()
    models = learner.opening(minutes=60)
    running = Pipeline(CATALOGUE, search(), models)
    training = learner.train(LATER)
    assert training is not None and training.outcome == "accepted" and not training.verdict.accepted
    after = shop.bundles.serving()
    assert before is not None and after is not None and shop.own().is_dir()
    assert after.model_copy(update={"name": before.name}) == before, "the models know no more than before"
    assert learner.pick_up(running.swap)
    assert np.array_equal(running.models.trending, models.trending) and isinstance(running._serving[1], LambdaMart)


def fails_late(items, log, serving, fit, folder: Path) -> Verdict:
    folder.mkdir(parents=True)
    (folder / TREES).write_bytes(b"half")
    raise MemoryError("no room")


def test_a_ranker_that_cannot_be_learnt_leaves_the_old_one_and_does_not_hold_up_the_models(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = shop.give_ranker()
    monkeypatch.setattr("db.work.learn_ranker", fails_late)
    training = shop.learner().train(LATER)
    assert training is not None and training.verdict.accepted and training.verdict.ranker is not None
    assert "no room" in training.verdict.ranker.reasons[0] and (shop.own() / CARD).read_text() == card


def test_a_training_killed_in_between_leaves_the_old_ranker(shop: Shop) -> None:
    def killed(job: Job, alive: Alive) -> Verdict:
        shutil.copytree(SHIPPED, job.draft / RANKER)
        raise KeyboardInterrupt

    card, bundle = shop.give_ranker(), shop.bundles.serving()
    with pytest.raises(KeyboardInterrupt):
        shop.learner(killed).train(LATER)
    assert shop.bundles.serving() == bundle and (shop.own() / CARD).read_text() == card
    shop.bundles.draft()
    assert not list(shop.bundles.folder.glob("*.part"))


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (TREES, b"no model"), (CARD, b"{"), (CARD, b"[]"), (TREES, None), (CARD, b'{"features": ["other"]}'),
        (TREES, (WEIGHTS / "din" / "din.onnx").read_bytes()),
    ],
)  # fmt: skip
def test_a_ranker_that_cannot_be_read_or_has_other_features_gives_way_to_the_shipped_one(
    shop: Shop, part: str, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    shop.give_ranker()
    (shop.own() / part).unlink()
    if content is not None:
        (shop.own() / part).write_bytes(content)
    learner = shop.learner()
    running = Pipeline(CATALOGUE, search(), learner.opening(minutes=60), scorer=learner.scorer() or pytest.fail("none"))
    assert "learnt here cannot serve" in caplog.text
    shipped = Pipeline(CATALOGUE, search(), running.models, scorer=ranker("lambdamart", CATALOGUE))
    assert running.recommend(asking()).item_ids == shipped.recommend(asking()).item_ids
    beside = shop.learner()
    assert beside.pick_up(running.swap), "nor does a running application fall over it"
    assert running.recommend(asking()).item_ids == shipped.recommend(asking()).item_ids


def test_a_ranker_that_learnt_from_what_was_forgotten_does_not_stay(shop: Shop) -> None:
    shop.give_ranker()
    shop.users.forget("sim-0003")
    training = shop.learner().train(LATER)
    assert training is not None and training.verdict.accepted and not shop.own().exists()
    shop.give_ranker()
    shop.users.forget("sim-0004")
    shop.learner().opening(minutes=60)
    assert not shop.own().exists()


def test_a_start_that_fits_the_models_anew_keeps_the_ranker(shop: Shop) -> None:
    card = shop.give_ranker()
    shop.users.ensure("ann")
    shop.events.log("ann", CATALOGUE.items[0].id, "like", LATER)
    bundle = shop.bundles.serving()
    shop.learner().opening(minutes=0)
    assert shop.bundles.serving() != bundle and (shop.own() / CARD).read_text() == card


@pytest.mark.parametrize("name", ["additive", "din"])
def test_other_rankers_are_left_alone(shop: Shop, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.work.learn_ranker", lambda *_: pytest.fail("learnt all the same"))
    learner, served = shop.learner(ranker=name), []
    learner.opening(minutes=60)
    assert learner.scorer() is None
    training = learner.train(LATER)
    assert training is not None and training.verdict.accepted and training.verdict.ranker is None

    def serve(models: Models, scorer: Scorer | None) -> None:
        served.append(scorer)

    assert learner.pick_up(serve) and served == [None]


# --- the process that trains


def test_the_training_process_knows_the_vectors_of_the_items(shop: Shop) -> None:
    train = ChildTrainer(shop.url, shop.folder, fingerprint(CATALOGUE), CATALOGUE.vectors)
    training = shop.learner(train).train(datetime.now(UTC))
    assert training is not None and training.verdict.accepted and training.verdict.ranker is not None, training
    assert "too few" in training.verdict.ranker.reasons[0]


def test_without_vectors_no_ranker_learns_and_the_models_go_on(shop: Shop) -> None:
    training = shop.learner(lambda job, alive: work(job, CATALOGUE, shop.events)).train(LATER)
    assert training is not None and training.verdict.accepted and training.verdict.ranker is not None
    assert training.verdict.ranker.reasons == (NO_VECTORS,)


def test_vectors_are_kept_for_their_items_alone_and_a_broken_file_is_none(tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)
    keep_vectors(tmp_path, "a" * 64, vectors)
    assert np.array_equal(kept_vectors(tmp_path, "a" * 64), vectors)  # type: ignore[arg-type]
    assert kept_vectors(tmp_path, "b" * 64) is None
    keep_vectors(tmp_path, "b" * 64, vectors[:2])
    (file,) = tmp_path.glob("vectors-*")
    file.write_bytes(b"\x93NUMPY half")
    assert kept_vectors(tmp_path, "b" * 64) is None
    keep_vectors(tmp_path, "b" * 64, vectors[:2])
    assert len(kept_vectors(tmp_path, "b" * 64)) == 2  # type: ignore[arg-type]


def test_the_application_starts_without_loading_what_only_trainings_need() -> None:
    line = "import sys, app; print(sorted({'lightgbm', 'onnx', 'db.work'} & set(sys.modules)))"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
