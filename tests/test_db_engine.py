"""The database opens anywhere with today's schema, tells plainly why it cannot, and keeps a transaction whole."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from db.engine import DatabaseUnusable, open_database
from db.tables import Base, ChangeRow, RequestRow

ROOT = Path(__file__).parent.parent


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new folder' / 'attune.db'}"


def test_the_migrations_make_exactly_the_tables_of_the_models(url: str) -> None:
    database = open_database(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_opening_twice_keeps_what_was_written(url: str) -> None:
    first = open_database(url)
    with first.write() as session:
        session.execute(text("INSERT INTO items VALUES ('a', 'A', 'h')"))
    first.close()
    with open_database(url).read() as session:
        assert session.scalar(text("SELECT title FROM items")) == "A"


def test_several_processes_may_open_a_new_database_at_once(url: str) -> None:
    script = "import sys; from db.engine import open_database; open_database(sys.argv[1])"
    starting = [subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT) for _ in range(4)]
    assert [process.wait(timeout=60) for process in starting] == [0, 0, 0, 0]


def test_a_failed_write_leaves_nothing(url: str) -> None:
    database = open_database(url)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.execute(text("INSERT INTO items VALUES ('a', 'A', 'h')"))
        _ = 1 / 0
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM items")) == 0


def test_a_reader_sees_one_state_and_does_not_hold_up_the_writer(url: str) -> None:
    database = open_database(url)
    with database.read() as reading:
        assert reading.scalar(text("SELECT count(*) FROM items")) == 0
        with database.write() as writing:
            writing.execute(text("INSERT INTO items VALUES ('a', 'A', 'h')"))
        assert reading.scalar(text("SELECT count(*) FROM items")) == 0
    with database.read() as reading:
        assert reading.scalar(text("SELECT count(*) FROM items")) == 1


def test_a_broken_migration_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text((ROOT / "db/migrations/env.py").read_text(encoding="utf-8"), encoding="utf-8")
    (scripts / "versions" / "0001_bad.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = '0001'\ndown_revision = None\n"
        "def upgrade():\n    op.create_table('half', sa.Column('id', sa.Integer()))\n    op.execute('nonsense')\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("db.engine.MIGRATIONS", scripts)
    with pytest.raises(DatabaseUnusable, match="nonsense"):
        open_database(url)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_a_database_of_a_later_version_is_refused_in_plain_words(url: str) -> None:
    database = open_database(url)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusable, match="another version of Attune.*9999"):
        open_database(url)


def test_a_file_that_is_no_database_is_refused_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("shopping list " * 200, encoding="utf-8")
    with pytest.raises(DatabaseUnusable, match="cannot open database .*notes.txt.*not a database"):
        open_database(f"sqlite:///{tmp_path / 'notes.txt'}")


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "attune.db"])
def test_a_url_that_cannot_work_is_refused_with_one_that_can(bad: str) -> None:
    with pytest.raises(DatabaseUnusable, match="sqlite:///"):
        open_database(bad)


def test_a_password_is_not_told_in_an_error() -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        open_database("mssql+nothing://me:secret@nowhere/attune")
    assert "secret" not in str(caught.value)


def test_postgresql_gets_binary_json_and_times_with_zone() -> None:
    dialect = postgresql.dialect()
    assert str(CreateTable(RequestRow.__table__).compile(dialect=dialect)).count("JSONB") == 4
    assert "at TIMESTAMP WITH TIME ZONE" in str(CreateTable(ChangeRow.__table__).compile(dialect=dialect))
