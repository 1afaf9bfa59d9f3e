"""The benchmark of growth: generated catalogues are lawful and the same for the same seed, and all figures come."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.search import Search
from lab.bench.__main__ import main
from lab.bench.asking import MIX, kind_of, requests
from lab.bench.scale import WARM_UP, measure, request_times, table
from lab.bench.scorer import add_scorer
from lab.bench.world import World, listening, world
from recommend.models import fit_models
from recommend.pipeline import Pipeline


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(400, tmp_path_factory.mktemp("world"), seed=2)


def test_a_generated_item_passes_the_border_check(made: World) -> None:
    for item in made.items:
        assert Item.model_validate(item.model_dump()) == item


def test_the_same_seed_gives_the_same_world(made: World, tmp_path: Path) -> None:
    again = world(400, tmp_path, seed=2)
    assert again.items == made.items and np.array_equal(again.vectors, made.vectors)
    assert listening(again, 5) == listening(made, 5)
    assert world(400, tmp_path, seed=3).items != made.items


def test_items_of_a_cluster_lie_together(made: World) -> None:
    cosines = made.vectors @ made.vectors.T
    same = made.member[:, None] == made.member[None, :]
    np.fill_diagonal(same, False)
    assert cosines[same].mean() > cosines[~same].mean() + 0.2


def test_a_size_gives_every_figure(tmp_path: Path) -> None:
    figures = measure(400, 20, str(tmp_path), "lambdamart")
    assert figures["recall_at_100"] and min(figures["recall_at_100"].values()) == pytest.approx(1.0)
    assert 0 < figures["request_ms"]["p50"] <= figures["request_ms"]["p99"]
    assert figures["rss_mb"]["served"] > 0
    assert "400 | exact | lambdamart" in table([figures])


def test_the_ranker_of_the_settings_is_measured_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for served in ("lambdamart", "din"):
        monkeypatch.setenv("ATTUNE_RANKER", served)
        parser = ArgumentParser()
        add_scorer(parser)
        assert parser.parse_args([]).scorer == served
        assert parser.parse_args(["--scorer", "additive"]).scorer == "additive"


def test_a_telling_is_a_kind_of_request_of_its_own_and_has_figures_of_its_own(made: World) -> None:
    catalogue = Catalogue.build(made.items, made.words, made.vectors, made.embed)
    events = listening(made, 20)
    asked = list(requests(made, catalogue, events, 150, seed=1))
    told = [request for request in asked if kind_of(request) == "told"]
    assert {kind_of(request) for request in asked} == {kind for kind, _ in MIX}
    assert all(request.intent == "home" and len((request.told or "").split()) > 10 for request in told)
    assert not any(request.told for request in asked if request not in told)
    pipeline = Pipeline(catalogue, Search(catalogue), fit_models(catalogue, events))
    assert "told" in pipeline.recommend(told[0]).cards[0].candidate.sources
    assert "told" in request_times(pipeline, asked[:WARM_UP] + told[:3])["by_kind"]


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "turn" in capsys.readouterr().err
