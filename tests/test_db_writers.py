"""Many writers at once lose nothing, and a writer that is killed leaves nothing half-written."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.changes import Change
from db.engine import Database, open_database
from db.pbox import PBoxStore
from db.users import UserStore
from recommend.pbox import Factor

ROOT = Path(__file__).parent.parent
T0 = datetime(2026, 3, 1, tzinfo=UTC)
WRITERS, ROUNDS = 8, 10
LONGER = Change(factor=Factor.LENGTH, key="max", op="add", value=1.0)

ADDING = """
import sys
from tests.test_db_writers import add
add(sys.argv[1], int(sys.argv[2]))
"""

TRIPLETS = """
import sys
from tests.test_db_writers import write_triplets
write_triplets(sys.argv[1])
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'attune.db'}"
    UserStore(open_database(made)).ensure("ann")
    return made


def add(url: str, writer: int) -> None:
    """What each of the writers does: steps on the same parameter, and a key of its own."""
    store = PBoxStore(open_database(url))
    own = Change(factor=Factor.CATEGORY, key=f"writer-{writer}", op="add", value=0.05)
    for turn in range(ROUNDS):
        store.change("ann", f"{writer}-{turn}", [LONGER, own], source="chat", now=T0)


def write_triplets(url: str) -> None:
    """Writes three equal values in one change, again and again, and says so after each."""
    store = PBoxStore(open_database(url))
    for turn in range(1, 100_000):
        value = random.choice([-0.5, 0.5, 0.7])
        three = [Change(factor=Factor.MOOD, key=key, op="set", value=value) for key in ("a", "b", "c")]
        store.change("ann", f"t{os.getpid()}-{turn}", three, source="chat", now=T0)
        sys.stdout.write(f"{turn}\n")
        sys.stdout.flush()


def with_threads(url: str) -> None:
    database = open_database(url)
    store = PBoxStore(database)

    def write(writer: int) -> None:
        own = Change(factor=Factor.CATEGORY, key=f"writer-{writer}", op="add", value=0.05)
        for turn in range(ROUNDS):
            store.change("ann", f"{writer}-{turn}", [LONGER, own], source="chat", now=T0)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))


def with_processes(url: str) -> None:
    running = [start(ADDING, url, str(writer)) for writer in range(WRITERS)]
    assert [process.wait(timeout=120) for process in running] == [0] * WRITERS


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("race", [with_threads, with_processes])
def test_eight_writers_lose_no_update(url: str, race: Callable[[str], None]) -> None:
    race(url)
    store = PBoxStore(open_database(url))
    pbox = store.load("ann", T0)
    assert pbox.value(Factor.LENGTH, "max") == WRITERS * ROUNDS
    assert pbox.version == WRITERS * ROUNDS
    assert [pbox.value(Factor.CATEGORY, f"writer-{w}") for w in range(WRITERS)] == pytest.approx([0.5] * WRITERS)
    assert len(store.history("ann", 1000)) == 2 * WRITERS * ROUNDS


def test_undoing_and_changing_at_once_lose_nothing_either(url: str) -> None:
    store = PBoxStore(open_database(url))
    with ThreadPoolExecutor(WRITERS) as pool:
        changes = [pool.submit(store.change, "ann", f"t{n}", [LONGER], source="chat", now=T0) for n in range(60)]
        undone = [pool.submit(store.undo, "ann", T0) for _ in range(30)]
        took_back = sum(len(job.result().changes) for job in undone)
        assert all(len(job.result()) == 1 for job in changes)
    pbox = store.load("ann", T0)
    assert pbox.value(Factor.LENGTH, "max") == 60 - took_back
    assert pbox.version == 60 + took_back


def test_profile_changes_at_once_lose_no_field(url: str) -> None:
    users = UserStore(open_database(url))
    with ThreadPoolExecutor(WRITERS) as pool:
        jobs = [
            pool.submit(users.update, "ann", age="7+"),
            pool.submit(users.update, "ann", ui_language="zh"),
            pool.submit(users.update, "ann", onboarded=True),
            *[pool.submit(users.ensure, "ann", "Ann") for _ in range(8)],
            *[pool.submit(users.ensure, "bob") for _ in range(8)],
        ]
        for job in jobs:
            job.result()
    ann = users.get("ann")
    assert (ann.age, ann.ui_language, ann.onboarded, ann.name) == ("7+", "zh", True, "Ann")


def test_a_killed_writer_leaves_nothing_half_written(url: str) -> None:
    confirmed = 0
    for _ in range(3):
        writer = start(TRIPLETS, url)
        assert writer.stdout
        told = [writer.stdout.readline() for _ in range(random.randint(2, 12))]
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.stdout.read().splitlines()
        writer.wait(timeout=30)
        confirmed += len(told)
        check_whole(open_database(url), confirmed)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


def check_whole(database: Database, confirmed: int) -> None:
    """Every change is there with all its parts, and none that was reported as done is missing."""
    store = PBoxStore(database)
    pbox, history = store.load("ann", T0), store.history("ann", 10_000)
    assert len({entry.value for entry in pbox.entries}) == 1
    assert len(pbox.entries) == 3
    assert len(history) == 3 * pbox.version
    assert {entry.change_id for entry in pbox.entries} == {line.id for line in history[:3]}
    assert pbox.version >= confirmed
    database.close()
