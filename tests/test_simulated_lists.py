"""How good simulated listeners' lists are: each measure from the lists, the past and what came after, in one report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog.items import Item
from lab import fairness
from lab.fairness import lists_of
from lab.simulated_lists import (
    HARD,
    PLACES,
    Shown,
    click_novelty,
    diversity,
    exposure_novelty,
    miscalibration,
    quality,
    satisfaction,
    serendipity,
    stated,
    wishes_of,
)
from recommend.pipeline import Pipeline
from recommend.request import Event, Listener
from tests.recommend_stage import NOW, catalogue, pipeline, population

WHO = Listener(user_id="u")


def of(top: str, number: int = 0) -> Item:
    return [item for item in catalogue().items if item.category.partition("/")[0] == top][number]


def did(item: Item, kind: str, hours: float, user: str = "u") -> Event:
    return Event(user_id=user, item_id=item.id, kind=kind, at=NOW + timedelta(hours=hours))  # type: ignore[arg-type]


MYSTERY, HISTORY, COMEDY = of("mystery"), of("history"), of("comedy")
LIST = [[MYSTERY.id, HISTORY.id, COMEDY.id]]


def shown(before: list[Event], after: list[Event]) -> Shown:
    return Shown(catalogue(), (WHO,), NOW, before, after)


def test_an_exposure_is_new_where_no_click_before_it_was_in_its_top_category() -> None:
    clicks = [did(of("mystery", 1), "click", -5), did(of("history", 1), "play", -4), did(of("comedy", 1), "click", 1)]
    found = exposure_novelty(shown(clicks[:2], clicks[2:]), LIST)
    assert found is not None and (found.new, found.total) == (2, 3)


def test_only_places_that_were_clicked_afterwards_count_as_clicks() -> None:
    before, after = [did(of("mystery", 1), "click", -5)], [did(MYSTERY, "click", 1), did(COMEDY, "click", 2)]
    found = click_novelty(shown(before, after), LIST)
    assert found is not None and (found.new, found.total) == (1, 2)
    assert click_novelty(shown(before, []), LIST) is None


def test_what_is_liked_afterwards_and_was_not_to_be_expected_is_serendipity() -> None:
    crowd = [did(COMEDY, "play", -1, f"other{n}") for n in range(3)]
    crowd += [did(of("romance", n), "play", -1, f"other{m}") for n in range(PLACES - 1) for m in range(2)]
    found = serendipity(shown(crowd, [did(COMEDY, "like", 1), did(MYSTERY, "like", 1)]), LIST)
    assert found is not None and found.mean == pytest.approx(1 / PLACES)


def test_a_list_of_what_was_liked_is_calibrated_and_another_is_not() -> None:
    liked = shown([did(MYSTERY, "like", -1)], [])
    same, other = (miscalibration(liked, [[item.id]]) for item in (MYSTERY, HISTORY))
    assert same is not None and other is not None
    assert same.mean == pytest.approx(0.0, abs=1e-9) and other.mean > 1.0


def test_whether_a_wish_is_kept_is_read_from_the_record() -> None:
    free = [item.id for item in catalogue().items if item.access == "free"][:1]
    paid = [item.id for item in catalogue().items if item.access == "paid"][:1]
    found = satisfaction(shown([], []), [free + paid], 0)
    assert wishes_of(0)[0].key == "" and found is not None and found.mean == 0.5


def test_hard_wishes_of_simulated_listeners_are_always_kept() -> None:
    people, events = population()
    some = people[: 2 * len(HARD)]
    wished = lists_of(pipeline(), some, events, NOW, lambda number: stated(number, NOW))
    found = satisfaction(Shown(catalogue(), tuple(some), NOW, events, []), wished, 0)
    assert any(wished) and found is not None and found.mean == 1.0


def test_the_report_has_every_measure_and_says_that_it_is_simulated() -> None:
    people, events = population()
    cut = NOW - timedelta(days=15)
    before, after = [e for e in events if e.at < cut], [e for e in events if e.at >= cut]
    lists = lists_of(pipeline(), people[:8], before, cut)
    told = Shown(catalogue(), tuple(people[:8]), cut, before, after)
    lines = quality(told, lists, lists)
    assert lines[0].startswith("simulated: 8 listeners")
    names = ("ENR", "CNR", "hard wishes", "soft wishes", "diversity", "novelty", "miscalibration", "serendipity")
    assert all(any(name in line for line in lines[1:]) for name in names)
    spread = diversity(told, lists)
    assert spread is not None and 0.0 < spread.low <= spread.mean <= spread.high


def test_the_fairness_run_serves_the_ranker_that_is_named_and_models_that_do_not_know_what_comes_after(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served, known = [], []
    fit = fairness.fit_models

    def noted(*parts, **more) -> Pipeline:
        served.append(type(more["scorer"]).__name__)
        return Pipeline(*parts, **more)

    monkeypatch.setattr(fairness, "open_catalogue", lambda _: catalogue())
    monkeypatch.setattr(fairness, "fit_models", lambda items, events: known.append(events[-1].at) or fit(items, events))
    monkeypatch.setattr(fairness, "Pipeline", noted)
    fairness.main(["--listeners", "8"])
    fairness.main(["--listeners", "8", "--scorer", "additive"])
    _, events = fairness.simulate(catalogue(), listeners=8, seed=7)
    assert served == ["LambdaMart", "function"]
    assert all(last < events[-1].at - fairness.AFTER for last in known)
    told = capsys.readouterr().out
    assert "ranker: lambdamart" in told and "ranker: additive" in told and told.count("serendipity") == 2
