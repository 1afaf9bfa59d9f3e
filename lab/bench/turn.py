"""The running product on this machine.  Run: python -m lab.bench turn [--turns 60] [--json -]

Utterance → new list (`turn_ms`), a recommendation request without a model on 10,000 items (`request_ms`), start to a
usable page (`start_s`) and resident memory (`rss_mb`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from app import Attune, build
from catalog.catalogue import Catalogue
from catalog.search import Search
from recommend.models import fit_models
from recommend.pbox import Entry, Factor, PBox
from recommend.pipeline import Pipeline
from recommend.request import Listener, Request
from settings import load_settings

PORT = 7899
UTTERANCES = (
    "something short and funny for the commute, finished only",
    "睡前想听点治愈的，不要恐怖的",
    "more history",
    "I love Agatha Christie",
    "想听搞笑的",
    "way less politics please",
    "do you have Dracula?",
    "只听免费的",
    "more like the second one",
    "undo that",
    "surprise me",
    "有没有三体",
)


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95 and p99, in the unit of the values."""
    return {f"p{p}": round(float(np.percentile(values, p)), 1) for p in (50, 95, 99)}


async def turn_times(attune: Attune, turns: int) -> list[float]:
    """Milliseconds from an utterance to the new list, for `turns` utterances of one listener."""
    times, talk = [], attune.conversation
    conversation_id = talk.open("bench-listener")
    for n in range(turns + len(UTTERANCES)):
        start = time.perf_counter()
        async for step in talk.say("bench-listener", conversation_id, UTTERANCES[n % len(UTTERANCES)]):
            if step.kind == "screen":
                times.append((time.perf_counter() - start) * 1000)
    return times[len(UTTERANCES) :]


def request_times(catalogue: Catalogue, requests: int, items: int = 10_000) -> list[float]:
    """Milliseconds of a recommendation request on the catalogue's items, repeated up to `items`."""
    rng = np.random.default_rng(0)
    rows = np.arange(items) % len(catalogue)
    copies = [catalogue.items[r].model_copy(update={"id": f"{catalogue.items[r].id}-{n}"}) for n, r in enumerate(rows)]
    noise = rng.normal(0, 0.02, (items, catalogue.vectors.shape[1])).astype(np.float32)
    vectors = catalogue.vectors[rows] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    large = Catalogue.build(copies, catalogue.words, vectors, catalogue.embed)
    pipeline = Pipeline(large, Search(large), fit_models(large, ()))
    now, moods = datetime.now(UTC), [term.slug for term in catalogue.words.moods.terms]
    tops = [category.path for category in catalogue.words.taxonomy.children(None)]
    times = []
    for n in range(requests + 10):
        pbox = PBox(
            version=n,
            entries=(
                Entry(factor=Factor.MOOD, key=moods[n % len(moods)], value=0.8, set_at=now),
                Entry(factor=Factor.CATEGORY, key=tops[n % len(tops)], value=0.6, set_at=now),
                Entry(factor=Factor.BLOCK, key=f"category:{tops[(n + 3) % len(tops)]}", value=1, set_at=now),
            ),
        )
        request = Request(listener=Listener(user_id="bench"), pbox=pbox, now=now, seed=n)
        start = time.perf_counter()
        pipeline.recommend(request)
        times.append((time.perf_counter() - start) * 1000)
    return times[10:]


def start_and_memory(data_dir: Path) -> tuple[float, float]:
    """Seconds from the command to a page that answers, and the process's MB of memory after a first visit."""
    command = [sys.executable, "app.py", "--port", str(PORT), "--data-dir", str(data_dir)]
    start = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"}) as process:
        try:
            while not _answers():
                if process.poll() is not None or time.perf_counter() - start > 120:
                    raise RuntimeError(f"the app did not start: {' '.join(command)}")
                time.sleep(0.05)
            seconds = time.perf_counter() - start
            return seconds, psutil.Process(process.pid).memory_info().rss / 2**20
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _answers() -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{PORT}/", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def bench_turn(turns: int, data_dir: Path) -> dict[str, Any]:
    """All four figures of the product."""
    attune = build(load_settings({"data_dir": data_dir}))
    start_s, idle_mb = start_and_memory(data_dir)
    turn = asyncio.run(turn_times(attune, turns))
    talked_mb = psutil.Process().memory_info().rss / 2**20
    request = request_times(attune.parts.engine.catalogue, 200)
    return {
        "turn_ms": percentiles(turn),
        "request_ms": percentiles(request),
        "start_s": round(start_s, 1),
        "rss_mb": round(max(idle_mb, talked_mb)),
    }


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench turn", description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--data-dir", type=Path, help="an existing data folder; default: a new one")
    parser.add_argument("--json", choices=["-"], help="print the figures as one JSON line at the end")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as empty:
        figures = bench_turn(args.turns, args.data_dir or Path(empty))
    for name, value in figures.items():
        print(f"{name:11} {value}")
    if args.json:
        print(json.dumps(figures))
