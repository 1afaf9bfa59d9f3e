"""What each recall source brings.  Run: python -m lab.bench recall --data goodbooks [--sequence FOLDER] [--users N]

For the users held out (`lab.bench.trial`): the share of what they went on to like that recall puts among its about
1,000 candidates and that the coarse stage keeps among 200; and for each source its share of the candidates, the recall
of its own picks, and how much only it finds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from catalog.search import Search
from catalog.sources import PUBLIC_DATA
from lab.bench.attune_models import Attune, Place, as_request
from lab.bench.trial import Trial, trial
from lab.metrics import over_users
from lab.recommender.data import FOLDERS, READERS
from recommend.coarse import coarse
from recommend.models import Models
from recommend.reading import read
from recommend.recall import Pool, recall


class Found(NamedTuple):
    """One user: the shares of the targets in the pool and after coarse, and per source (share, recall, alone)."""

    pool: float
    kept: float
    sources: dict[str, tuple[float, float, float]]


def found(pool: Pool, kept: Pool, targets: frozenset[int]) -> Found:
    """What a pool holds of what was to be found."""
    wanted = np.isin(pool.rows, list(targets))
    votes = np.sum(list(pool.recalled.values()), axis=0)
    sources = {
        name: (
            float(marks.sum() / max(1, len(pool))),
            float((marks & wanted).sum() / len(targets)),
            float((marks & wanted & (votes == 1)).sum() / len(targets)),
        )
        for name, marks in pool.recalled.items()
    }
    return Found(
        float(wanted.sum() / len(targets)), float(np.isin(kept.rows, list(targets)).sum() / len(targets)), sources
    )


def measure(attune: Attune, asked: Trial) -> list[Found]:
    """Every user of the trial, asked as the product asks."""
    catalogue = attune.catalogue(asked)
    models: Models = attune.models(asked, catalogue)
    search, results = Search(catalogue), []
    for history, targets in tqdm(list(zip(asked.histories, asked.targets, strict=True)), desc="recall"):
        reading = read(as_request([catalogue.items[row].id for row in history.tolist()], 10), catalogue, models)
        pool = recall(reading, search)
        results.append(found(pool, coarse(reading, pool), targets))
    return results


def lines(results: Sequence[Found]) -> list[str]:
    """A table for people."""
    told = [
        "recall@1000 {:.3f} [{:.3f}, {:.3f}]".format(*over_users([one.pool for one in results])),
        "after coarse {:.3f} [{:.3f}, {:.3f}]".format(*over_users([one.kept for one in results])),
        f"{'source':14} {'share':>7} {'recall':>7} {'alone':>7}",
    ]
    names = sorted({name for one in results for name in one.sources})
    for name in names:
        share, own, alone = np.mean([one.sources.get(name, (0.0, 0.0, 0.0)) for one in results], axis=0)
        told.append(f"{name:14} {share:7.3f} {own:7.3f} {alone:7.3f}")
    return told


def main(arguments: Sequence[str]) -> None:
    """Measures as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench recall", description=__doc__)
    parser.add_argument("--data", choices=READERS, default="goodbooks")
    parser.add_argument("--folder", type=Path, help="where the data set lies (default: in the folder of public data)")
    parser.add_argument("--sequence", type=Path, help="an exported SASRec, trained on this split's users")
    parser.add_argument("--users", type=int, help="ask only the first so many users")
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench-goodbooks"))
    args = parser.parse_args(arguments)
    folder = args.folder or PUBLIC_DATA / FOLDERS[args.data]
    asked = trial(args.data, folder, "users").first(args.users)
    print("\n".join(lines(measure(Attune(Place(folder, args.data_dir, args.sequence)), asked))))
