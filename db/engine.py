"""One database for SQLite and PostgreSQL: short read and write transactions, the schema brought up to date on opening.

On SQLite a read begins deferred (a snapshot that blocks nobody) and a write begins IMMEDIATE, so that read-change-write
never loses an update; a lock per process queues the writers fairly before they reach the file. Deleted content is
overwritten (`secure_delete`), because "forget me" promises it. On PostgreSQL the stores lock the row that they change.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 15_000
"""How long a SQLite writer waits for another process's write before it gives up."""

_MIGRATION_LOCK = 7_411_206
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time."""


class DatabaseUnusable(RuntimeError):
    """The database cannot be opened, or was written by another version. For the person who starts the app."""


class UnknownUser(LookupError):
    """A write for a user id that was never created (or was forgotten meanwhile)."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"no user {user_id!r}: never created, or forgotten meanwhile; call UserStore.ensure first")


class Database:
    """Sessions on one engine. Threads may share it; every `with` block is one transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._read = sessionmaker(engine, expire_on_commit=False)
        self._write = sessionmaker(engine.execution_options(sqlite_begin="BEGIN IMMEDIATE"), expire_on_commit=False)
        self._queue = threading.RLock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state. What it changes is rolled back."""
        with self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed together at the end of the block, or not at all on an error.

        Keep it short: on SQLite other writers wait meanwhile.
        """
        if self.engine.dialect.name != "sqlite":
            with self._write.begin() as session:
                yield session
            return
        with self._queue, self._write.begin() as session:
            yield session

    def truncate_log(self) -> None:
        """Empty SQLite's write-ahead log, so that nothing deleted can be read from it. Does nothing elsewhere."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL ("sqlite:///var/attune.db", "postgresql+psycopg://…"), brought up to date.

    Creates the folder and file of a SQLite database. Raises DatabaseUnusable with a sentence to show.
    """
    parsed = _checked(url)
    try:
        engine = create_engine(parsed, **_options(parsed))
    except (ArgumentError, ImportError) as error:
        raise DatabaseUnusable(
            f"no driver for {parsed} ({error}); use sqlite:///PATH, or pip install 'psycopg[binary]' for postgresql+psycopg://"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        migrate(engine)
    except (DatabaseError, CommandError, OSError) as error:
        engine.dispose()
        raise DatabaseUnusable(_complaint(parsed, error)) from error
    return Database(engine)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision in one transaction: all of it or nothing. Safe to call from several processes."""
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        command.upgrade(_alembic_config(connection), revision)


def draft_migration(database: Database, message: str) -> None:
    """For developers: write the script that takes this database to the tables of `db.tables`. Read it, then keep it."""
    with database.engine.begin() as connection:
        command.revision(_alembic_config(connection), message, autogenerate=True)


def _alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        shown = url.rpartition("@")[2]  # what stands before it may be a password
        raise DatabaseUnusable(
            f"{shown!r} is no database URL; use one like sqlite:///var/attune.db or postgresql+psycopg://user@host/name"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise DatabaseUnusable(f"{url!r} lives in memory, which threads cannot share; name a file: sqlite:///PATH")
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    return parsed


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "sqlite":
        return {"pool_pre_ping": True}
    waiting = {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
    return {"connect_args": waiting, "pool_size": 16, "max_overflow": 48}


def _complaint(url: URL, error: Exception) -> str:
    if isinstance(error, CommandError):
        return f"database {url} is of another version of Attune ({error}); update Attune or name another database"
    reason = getattr(error, "orig", None) or error
    return f"cannot open database {url}: {reason}; check that it is a database of Attune and can be written"


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy says BEGIN, not the driver: else schema changes escape the transaction.
    connection.isolation_level = None
    settings = (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "secure_delete=ON",
    )
    for setting in settings:
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))
