"""The request path as the catalogue grows.  Run: python -m lab.bench scale --items 10000,100000,1000000 [--json -]

Per size, on a generated catalogue (`lab.bench.world`) and in a process of its own: what it takes to build, how much of
the true nearest the index finds (recall@100, by filter), what one byte a number costs (SQ8), how long a request takes
(p50, p95, p99 of a mix, on one thread, without the sentence encoder), and memory. The fine ranker is the one that the
settings name, unless `--scorer` names another. `--json FILE` writes the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from catalog.catalogue import Catalogue
from catalog.nearest import EXACT_MOST, Nearest, brute, nearest
from catalog.search import Search
from lab.bench.asking import kind_of, requests
from lab.bench.scorer import add_scorer
from lab.bench.world import World, listening, world
from recommend.models import fit_models
from recommend.pipeline import Pipeline
from recommend.rankers import Ranker, ranker
from recommend.request import Request

K = 100
QUERIES = 100
SHARES = (0.5, 0.1, 0.01, 0.001)
"""Share of the rows that a random filter leaves."""
WARM_UP = 10
GOALS = {10_000: 100.0, 100_000: 150.0, 1_000_000: 150.0}
"""p99 in milliseconds."""
BUILT = ("index", "catalogue", "search", "models", "scorer")
"""What is made before the first request."""
BAR = 50

Made = TypeVar("Made")


def measure(size: int, count: int, folder: str, scorer: Ranker, seed: int = 0) -> dict[str, Any]:
    """All figures of one size with one fine ranker."""
    seconds: dict[str, float] = {}
    made = _timed(seconds, "world", lambda: world(size, Path(folder), seed))
    memory = {"items": _rss()}
    index = _timed(seconds, "index", lambda: nearest(made.vectors, Path(folder) / f"index-{size}", seed=seed))
    memory["index"] = _rss()
    catalogue = _timed(
        seconds, "catalogue", lambda: Catalogue.build(made.items, made.words, made.vectors, made.embed, index)
    )
    memory["catalogue"] = _rss()
    search = _timed(seconds, "search", lambda: Search(catalogue))
    memory["search"] = _rss()
    events = listening(made, min(5000, max(300, size // 100)), seed)
    models = _timed(seconds, "models", lambda: fit_models(catalogue, events))
    served = _timed(seconds, "scorer", lambda: ranker(scorer, catalogue))
    pipeline = Pipeline(catalogue, search, models, scorer=served)
    asked = list(requests(made, catalogue, events, count + WARM_UP, seed))
    memory["models"] = _rss()
    figures = {"items": size, "events": len(events), "scorer": scorer, **request_times(pipeline, asked)}
    memory["served"] = _rss()
    memory["of_it_mapped_file"] = round(psutil.Process().memory_info().shared / 2**20)
    recall = _timed(seconds, "recall", lambda: index_recall(made, index, seed))
    return {**figures, "recall_at_100": recall, **index_facts(made, index), "seconds": seconds, "rss_mb": memory}


def request_times(pipeline: Pipeline, asked: Sequence[Request]) -> dict[str, Any]:
    """Milliseconds: percentiles of all requests after the first few and by kind, and the mean of each stage.

    `cpu_ms` is processor time: what it would be on a machine with nothing else to do.
    """
    times: list[tuple[str, float, float]] = []
    stages: dict[str, list[float]] = {}
    for request in asked:
        start, used = time.perf_counter(), time.process_time()
        slate = pipeline.recommend(request)
        spent, used = time.perf_counter() - start, time.process_time() - used
        times.append((kind_of(request), spent * 1000, used * 1000))
        for line in slate.trace:
            stages.setdefault(line.stage, []).append(line.ms)
    warm = times[WARM_UP:]
    kinds = sorted({kind for kind, _, _ in warm})
    return {
        "request_ms": percentiles([ms for _, ms, _ in warm]),
        "cpu_ms": percentiles([used for _, _, used in warm]),
        "slowest_ms": round(max(ms for _, ms, _ in times), 1),
        "by_kind": {name: percentiles([ms for kind, ms, _ in warm if kind == name]) for name in kinds},
        "stage_ms": {name: round(float(np.mean(ms[WARM_UP:])), 1) for name, ms in stages.items()},
    }


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95 and p99, in the unit of the values."""
    return {f"p{p}": round(float(np.percentile(values, p)), 1) for p in (50, 95, 99)}


def index_recall(made: World, index: Nearest, seed: int) -> dict[str, float]:
    """Share of the true 100 nearest that the index finds, by filter, for items and for mixtures of three items."""
    rng = np.random.default_rng(seed + 3)
    size = len(made.items)
    queries = _queries(rng, made, np.arange(size))
    found = {"no filter": _recall(made.vectors, index, queries, None)}
    for share in SHARES:
        found[f"{share:.1%} left"] = _recall(made.vectors, index, queries, rng.random(size) < share)
    top = made.clusters[made.member[0]].path.partition("/")[0]
    inside = np.array([cluster.path.partition("/")[0] == top for cluster in made.clusters])[made.member]
    near = _queries(rng, made, np.flatnonzero(inside))
    found["own category only"] = _recall(made.vectors, index, near, inside)
    found["own category blocked"] = _recall(made.vectors, index, near, ~inside)
    return found


def index_facts(made: World, index: Nearest) -> dict[str, Any]:
    """What the index is, its look-up time, and the loss by one byte a number with every list read."""
    queries = _queries(np.random.default_rng(5), made, np.arange(len(made.items)))
    among = index.among(None)
    start = time.perf_counter()
    for query in queries:
        index.near(query, K, among)
    facts = {"index": "exact", "lookup_ms": round((time.perf_counter() - start) * 1000 / len(queries), 2)}
    if index.exact or len(made.items) <= EXACT_MOST:
        return facts
    from catalog.inverted import train  # noqa: PLC0415 - faiss is loaded only where it is used

    true = brute(made.vectors, queries, K)
    held = index.index if index.one_byte else train(made.vectors, one_byte=True)
    loss = {}
    for name, k in (("codes alone", K), ("with exact order", round(1.3 * K))):
        held.nprobe = held.nlist
        rows = held.search(queries, k)[1]
        loss[name] = round(1.0 - _share(true, rows), 4)
    kind = "inverted file, SQ8" if index.one_byte else "inverted file, float"
    return {**facts, "index": kind, "lists": index.index.nlist, "probe": index.probe, "sq8_loss": loss}


def _queries(rng: np.random.Generator, made: World, rows: np.ndarray) -> np.ndarray:
    one = made.vectors[np.sort(rng.choice(rows, QUERIES // 2))]
    three = (
        made.vectors[np.sort(rng.choice(rows, 3 * (QUERIES // 2)))].reshape(-1, 3, made.vectors.shape[1]).sum(axis=1)
    )
    one = one + 0.02 * rng.normal(size=one.shape).astype(np.float32)
    both = np.concatenate([one, three])
    return (both / np.linalg.norm(both, axis=1, keepdims=True)).astype(np.float32)


def _recall(vectors: np.ndarray, index: Nearest, queries: np.ndarray, mask: np.ndarray | None) -> float:
    true = brute(vectors, queries, K, mask)
    if mask is not None:
        true = [rows[mask[rows]] for rows in true]
    among = index.among(mask)
    return round(_share(true, [index.near(query, K, among)[0] for query in queries]), 4)


def _share(true: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    shares = [np.isin(t, f).mean() for t, f in zip(true, found, strict=True) if len(t)]
    return float(np.mean(shares)) if shares else 1.0


def _timed(seconds: dict[str, float], name: str, make: Callable[[], Made]) -> Made:
    start = time.perf_counter()
    made = make()
    seconds[name] = round(time.perf_counter() - start, 1)
    print(f"  {name}: {seconds[name]} s, {_rss()} MB", file=sys.stderr, flush=True)
    return made


def _rss() -> int:
    return round(psutil.Process().memory_info().rss / 2**20)


def table(all_figures: Sequence[dict[str, Any]]) -> str:
    """The figures in Markdown, with the growth of p99 and memory as bars."""
    lines = [
        "| items | index | ranker | recall@100, worst filter | p50 | p95 | p99 ms | (cpu) | goal | build s | RSS MB |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|---|---|")
    for one in all_figures:
        worst = min(one["recall_at_100"].items(), key=lambda pair: pair[1])
        ms, built = one["request_ms"], sum(one["seconds"][part] for part in BUILT)
        goal, cpu = GOALS.get(one["items"], 150.0), one["cpu_ms"]["p99"]
        lines.append(
            f"| {one['items']:,} | {one['index']} | {one['scorer']} | {worst[1]:.3f} ({worst[0]}) "
            f"| {ms['p50']} | {ms['p95']} | {ms['p99']} | {cpu} | {goal:.0f} | {built:.0f} "
            f"| {one['rss_mb']['served']:,} |"
        )
    for name, of in (("p99 ms", lambda f: f["request_ms"]["p99"]), ("RSS MB", lambda f: f["rss_mb"]["served"])):
        most = max(of(one) for one in all_figures)
        lines += ["", name, *(f"{one['items']:>10,} {_bar(of(one) / most)} {of(one)}" for one in all_figures)]
    return "\n".join(lines)


def _bar(share: float) -> str:
    return "█" * max(1, round(share * BAR))


def main(arguments: Sequence[str]) -> None:
    """Measure each size in a process of its own, print the table, write the figures."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench scale", description=__doc__)
    parser.add_argument("--items", default="10000,100000,1000000", help="sizes, separated by commas")
    parser.add_argument("--requests", type=int, default=300)
    add_scorer(parser)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for vectors and indexes; default: a new one")
    parser.add_argument("--json", help="a file for the figures, or - to print them as one line at the end")
    args = parser.parse_args(arguments)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    figures = []
    with tempfile.TemporaryDirectory() as new:
        folder = args.keep or Path(new)
        folder.mkdir(parents=True, exist_ok=True)
        for size in map(int, args.items.split(",")):
            print(f"{size:,} items", file=sys.stderr, flush=True)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                asked = alone.submit(measure, size, args.requests, str(folder), args.scorer, args.seed)
                figures.append(asked.result())
    print(table(figures))
    if args.json == "-":
        print(json.dumps(figures))
    elif args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
