"""Attune beside its peers.  Run: python -m lab.bench recommender --data goodbooks [--sequence FOLDER] [--json -]

Peers: implicit, LensKit, EASE as in the paper, popularity. Attune: each model alone, then the whole pipeline, with the
additive sum as its fine ranker and with the one that the settings name (or `--scorer`). All learn
from the same users and are asked about the same histories (see lab.bench.trial); what is in the history is never shown.
Each has a process of its own on one thread: fit seconds, growth of its resident memory (loading libraries and data
apart) and latency of a list of ten are its own. `--tune` chooses the peers' settings anew on users to learn from;
without it the settings in lab.bench.peers, chosen so on goodbooks, are used.

Columns: NDCG@10, HR@10, recall@10 and @50 with 95 % intervals over users; coverage of the catalogue and Gini of
exposure by the lists of ten; the mean popularity of what is shown (percentile of the number of likers, 0..1) and its
novelty in bits; serendipity, the share of the ten that was to be found and is not on popularity's ten. `x peer` is
NDCG@10 over that of the best peer, `x helped` over the best of the peers that were given recency weights.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
from tqdm import tqdm

from catalog.columns import percentile
from catalog.sources import PUBLIC_DATA
from lab import metrics
from lab.bench.attune_models import Attune, Place
from lab.bench.peers import PEERS, popularity
from lab.bench.ranker import Contender, Ranker
from lab.bench.scorer import add_scorer
from lab.bench.trial import WAYS, Trial, trial
from lab.recommender.data import FOLDERS, READERS
from recommend.rankers import WEIGHTS

SHOWN, LONG = 10, 50
THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("LK_NUM_PROCS", "LK_NUM_THREADS", "LK_NUM_BACKEND_THREADS"),
)
ACCURACY = ("ndcg@10", "hit_rate@10", "recall@10", "recall@50")
MEGABYTE = 2**20
Result = TypeVar("Result")


@dataclass(frozen=True)
class Options:
    """One run of the comparison."""

    data: str
    place: Place
    way: str
    users: int | None = None
    tune: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print the table, and write the figures where asked to."""
    args = _arguments(arguments)
    options = _options(args)
    chosen = [c for c in contenders(options) if not args.only or c.name in args.only]
    if not chosen:
        sys.exit(f"nothing is called {args.only}; known: {', '.join(c.name for c in contenders(options))}")
    figures = compare(options, [c.name for c in chosen])
    print("\n".join(table(figures)))
    if args.json:
        text = json.dumps({"data": options.data, "split": options.way, "rows": figures}, indent=1)
        print(text) if str(args.json) == "-" else args.json.write_text(text + "\n", encoding="utf-8")


def contenders(options: Options) -> tuple[Contender, ...]:
    """The peers, then Attune's models, the whole pipeline last."""
    return (*PEERS, *Attune(options.place).contenders())


def compare(options: Options, names: Sequence[str]) -> list[dict[str, Any]]:
    """The figures of each, one after another, each in a process of its own."""
    # Set before the processes start: their libraries read these once, when they are loaded.
    os.environ.update(dict.fromkeys(THREADS, "1"))
    figures = []
    for name in tqdm(names, desc="comparing", unit=" recommenders"):
        settings = _apart(_chosen, options, name) if options.tune else None
        figures.append(_apart(_measured, options, name, settings))
    return with_ratio(figures)


def _apart(work: Callable[..., Result], *arguments: Any) -> Result:
    """What a function gives, called in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(work, *arguments).result()


def with_ratio(figures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The figures with NDCG@10 over that of the best peer, and of the best helped one; None where none was asked."""
    found = [dict(row) for row in figures]
    for side in ("peer", "helped"):
        best = max((row["ndcg@10"][0] for row in figures if row["side"] == side), default=0.0)
        for row in found:
            row[f"x {side}"] = round(row["ndcg@10"][0] / best, 3) if best else None
    return found


def _measured(options: Options, name: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What one contender comes to, with its own settings or these; to be called in a new process."""
    contender = _called(options, name)
    asked = trial(options.data, options.place.folder, options.way)
    for module in contender.imports:
        import_module(module)
    settings = dict(contender.settings or {}) if settings is None else dict(settings)
    before, begun = psutil.Process().memory_info().rss, time.perf_counter()
    ranker = contender.fit(asked, **settings)
    seconds = time.perf_counter() - begun
    ranker(asked.histories[0], SHOWN)
    held = psutil.Process().memory_info().rss - before
    peak = max(held, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
    cost = {"fit_s": round(seconds, 1), "held_mb": round(held / MEGABYTE), "peak_mb": round(peak / MEGABYTE)}
    told = {"name": name, "side": contender.side, "settings": settings}
    return told | judged(ranker, asked.first(options.users)) | cost


def _chosen(options: Options, name: str) -> dict[str, Any]:
    """The settings for one contender; to be called in a new process."""
    contender = _called(options, name)
    if not contender.grid:
        return dict(contender.settings or {})
    return tuned(contender, trial(options.data, options.place.folder, options.way))


def _called(options: Options, name: str) -> Contender:
    return next(contender for contender in contenders(options) if contender.name == name)


def tuned(contender: Contender, asked: Trial) -> dict[str, Any]:
    """The settings of the grid with the best NDCG@10 on users to learn from; the first of equal ones."""
    tuning = asked.tuning()

    def worth(settings: Mapping[str, Any]) -> float:
        ranker = contender.fit(tuning, **settings)
        pairs = zip(tuning.histories, tuning.targets, strict=True)
        found = [metrics.ndcg(ranker(history, SHOWN).tolist(), targets, SHOWN) for history, targets in pairs]
        print(f"  {contender.name} {dict(settings)}: {np.mean(found):.4f}", file=sys.stderr, flush=True)
        return float(np.mean(found))

    return dict(max(contender.grid, key=worth))


def judged(ranker: Ranker, asked: Trial) -> dict[str, Any]:
    """Accuracy, popularity and latency of the lists for all users who are asked. ValueError where nobody is."""
    short, long, times = [], [], []
    for history in asked.histories:
        begun = time.perf_counter()
        found = ranker(history, SHOWN)
        times.append(1000.0 * (time.perf_counter() - begun))
        short.append(found.tolist())
        long.append(ranker(history, LONG).tolist())
    found = {**accuracy(short, long, asked), **surprise(short, asked), **standing(short, asked)}
    return {**found, **_percentiles(times), "users": len(times)}


def accuracy(short: Sequence[list[int]], long: Sequence[list[int]], asked: Trial) -> dict[str, list[float]]:
    """Each of ACCURACY as mean, low and high."""
    found: dict[str, list[float]] = {}
    for name in ACCURACY:
        measure, _, at = name.partition("@")
        lists = short if int(at) == SHOWN else long
        values = [
            metrics.AT_K[measure](ranked, targets, int(at))
            for ranked, targets in zip(lists, asked.targets, strict=True)
        ]
        found[name] = [round(value, 4) for value in metrics.over_users(values)]
    return found


def surprise(lists: Sequence[list[int]], asked: Trial) -> dict[str, list[float]]:
    """Serendipity as mean, low and high; what popularity would have shown is expected."""
    plain = popularity(asked)
    values = [
        metrics.serendipity(ranked, targets, set(plain(history, SHOWN).tolist()), SHOWN)
        for ranked, targets, history in zip(lists, asked.targets, asked.histories, strict=True)
    ]
    return {"serendipity": [round(value, 4) for value in metrics.over_users(values)]}


def standing(lists: Sequence[list[int]], asked: Trial) -> dict[str, float]:
    """How the lists spread over the catalogue, and how popular what they show is."""
    counts, items = asked.counts, len(asked.items)
    ranks = percentile(counts.astype(np.float64))
    heard: dict[metrics.Id, int] = dict(enumerate(counts.tolist()))
    listeners = len(asked.sequences)
    filled = [ranked for ranked in lists if ranked] or [[]]
    popular = [float(ranks[ranked].mean()) if ranked else 0.0 for ranked in filled]
    bits = [metrics.novelty(ranked, heard, listeners, SHOWN) for ranked in filled]
    return {
        "coverage": round(metrics.coverage(lists, items), 4),
        "gini": round(metrics.gini(lists, items), 4),
        "popularity": round(float(np.mean(popular)), 4),
        "novelty": round(float(np.mean(bits)), 2),
    }


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    return {f"p{part}_ms": round(float(np.percentile(times, part)), 2) for part in (50, 95, 99)}


def table(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures as lines of text."""
    lines = [
        f"{'':20} {'NDCG@10':>22} {'x peer':>7} {'x helped':>8} {'HR@10':>6} {'R@10':>6} {'R@50':>6} "
        f"{'seren':>6} {'cover':>6} {'Gini':>5} {'pop':>5} {'bits':>5} {'fit s':>6} {'p50':>6} {'p95':>6} "
        f"{'p99 ms':>6} {'MB':>5} {'peak':>5}"
    ]
    for row in figures:
        mean, low, high = row["ndcg@10"]
        rest = [row[name][0] for name in ACCURACY[1:]]
        ratio, helped = ("" if row[name] is None else f"{row[name]:.2f}" for name in ("x peer", "x helped"))
        lines.append(
            f"{row['name']:20} {mean:.4f} [{low:.4f} {high:.4f}] {ratio:>7} {helped:>8} {rest[0]:6.3f} {rest[1]:6.4f} "
            f"{rest[2]:6.4f} {row['serendipity'][0]:6.4f} "
            f"{row['coverage']:6.3f} {row['gini']:5.3f} {row['popularity']:5.3f} {row['novelty']:5.2f} "
            f"{row['fit_s']:6.1f} {row['p50_ms']:6.2f} {row['p95_ms']:6.2f} {row['p99_ms']:6.2f} "
            f"{row['held_mb']:5} {row['peak_mb']:5}"
        )
    return lines


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lab.bench recommender",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", choices=READERS, required=True)
    parser.add_argument("--folder", type=Path, help="where the data set lies (default: in the folder of public data)")
    parser.add_argument("--split", choices=WAYS, help="default: users for goodbooks, next for ml1m")
    parser.add_argument("--users", type=int, help="ask only the first so many users")
    parser.add_argument("--only", nargs="+", help="only these recommenders, by name")
    parser.add_argument("--tune", action="store_true", help="choose the peers' settings anew")
    parser.add_argument("--sequence", type=Path, help="an exported SASRec, trained on this split's users")
    parser.add_argument("--train-sasrec", type=float, metavar="MINUTES", help="train one here instead")
    add_scorer(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the learned scorers")
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench-goodbooks"), help="kept between runs")
    parser.add_argument("--json", type=Path, help="write the figures there; - for the screen")
    return parser.parse_args(arguments)


def _options(args: argparse.Namespace) -> Options:
    place = Place(
        folder=args.folder or PUBLIC_DATA / FOLDERS[args.data],
        data_dir=args.data_dir,
        sequence=args.sequence,
        train_minutes=args.train_sasrec,
        scorer=args.scorer,
        weights=args.weights,
    )
    return Options(args.data, place, args.split or ("next" if args.data == "ml1m" else "users"), args.users, args.tune)
