"""The benchmark of growth: generated catalogues are lawful and the same for the same seed, and all figures come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalog.items import Item
from lab.bench.__main__ import main
from lab.bench.scale import measure, table
from lab.bench.world import World, listening, world


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
    figures = measure(400, 20, str(tmp_path))
    assert figures["recall_at_100"] and min(figures["recall_at_100"].values()) == pytest.approx(1.0)
    assert 0 < figures["request_ms"]["p50"] <= figures["request_ms"]["p99"]
    assert figures["rss_mb"]["served"] > 0
    assert "400 | exact" in table([figures])


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "turn" in capsys.readouterr().err
