"""Builds the parts of Attune, hands them to each other, and runs the page.  Run: python app.py --help"""

from __future__ import annotations

import gc
import os

# Threads of the matrix libraries wait for each other longer than a request lasts.
for _library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
gc.disable()  # Imports make half a million objects that all stay: looking for dead ones takes a fifth of the start.

import logging
import secrets
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from catalog.catalogue import Catalogue
from catalog.chroma import StoreError
from catalog.embed import EmbedError
from catalog.load import SHOWN_FAULTS, use
from catalog.opening import CatalogueError, open_catalogue
from catalog.resolve import Resolver
from catalog.search import Search
from chat.agent import Agent
from chat.conversation import Conversation
from chat.llm.asking import asking
from chat.llm.choose import ModelChoiceError, open_model
from chat.llm.embedded import EmbeddedChat
from chat.llm.lessons import LessonBook, lesson_records
from chat.parts import Parts
from chat.screens.web import web_app
from db.engine import DatabaseUnusable, open_database
from db.events import EventStore
from db.items import ItemStore
from db.journal import Journal
from db.learning import Learner
from db.pbox import PBoxStore
from db.trainer import ChildTrainer
from db.trainings import TrainingStore
from db.users import UserStore
from prompts.texts import Texts
from recommend.bundles import Bundles
from recommend.campaigns import CampaignError, Campaigns
from recommend.crossencoder import CrossEncoder, Reader
from recommend.listwise import Listwise
from recommend.models import fingerprint
from recommend.pipeline import Pipeline
from recommend.population import simulate
from recommend.promotion import aimless
from recommend.rankers import RankerError, ranker
from recommend.rerank import Reranker, as_ranked
from recommend.sequence import SequenceModel
from settings import Settings, SettingsError, load_settings, parse_flags
from tools.context import Engine, Stores
from tools.registry import all_tools

gc.enable()
log = logging.getLogger("attune")
UNUSABLE = (
    SettingsError,
    CatalogueError,
    EmbedError,
    StoreError,
    DatabaseUnusable,
    ModelChoiceError,
    CampaignError,
    RankerError,
    OSError,
)
"""What a user's settings may be wrong about; each comes with a sentence that says what to do."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Attune:
    """The running product."""

    parts: Parts
    agent: Agent
    conversation: Conversation
    secret: str
    learner: Learner
    """Not started: `main` does."""


def build(settings: Settings, progress: Progress | None = None) -> Attune:
    """All parts, wired. The first call on a data folder fills it; a broken-off one goes on where it stopped."""
    tell = progress or _say_progress
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    model = open_model(
        settings.model,
        base_url=settings.llm_base_url,
        api_key=settings.llm_api_key,
        model_name=settings.llm_model,
        lora=settings.lora,
        threads=settings.threads,
        models_dir=settings.data_dir / "models",
    )
    campaigns = Campaigns(settings.campaigns)
    secret = _secret(settings.data_dir / "secret")
    texts = Texts.load()
    database = open_database(settings.database)
    stores = Stores(UserStore(database), PBoxStore(database), EventStore(database), Journal(database))
    if settings.catalogue:
        _use_catalogue(settings.catalogue, settings.data_dir)
    catalogue = open_catalogue(
        settings.data_dir, model=settings.embedder, chroma_url=settings.chroma_url, progress=tell
    )
    ItemStore(database).sync(catalogue.items)
    for line in aimless(catalogue, campaigns.rules):
        log.warning("%s: %s", settings.campaigns, line)
    search = Search(catalogue)
    _populate(stores, catalogue, settings.simulated_listeners, tell)
    tell(0.9, "opening the models")
    learner = Learner(
        stores.events,
        TrainingStore(database),
        Bundles(settings.data_dir / "learnt"),
        catalogue,
        ChildTrainer(settings.database, settings.data_dir, fingerprint(catalogue), catalogue.vectors),
        settings.ranker,
    )
    models = learner.opening(minutes=settings.learn_minutes)
    if settings.sequence:
        models = replace(models, sequence=SequenceModel.load(settings.sequence, catalogue.row))
    reranker = _reranker(settings.rerank, model, catalogue, texts)
    scorer = learner.scorer() or ranker(settings.ranker, catalogue)
    pipeline = Pipeline(catalogue, search, models, scorer=scorer, reranker=reranker, campaigns=campaigns)
    engine = Engine(catalogue=catalogue, search=search, resolver=Resolver(catalogue), pipeline=pipeline, texts=texts)
    lessons = LessonBook(lesson_records(settings.data_dir, settings.chroma_url), catalogue.embed)
    parts = Parts(stores=stores, engine=engine, texts=texts, secret=secret, lessons=lessons, language=settings.language)
    agent = Agent(model, all_tools())
    conversation = Conversation(parts, agent, teaching=settings.may_teach)
    tell(1.0, "ready")
    return Attune(parts=parts, agent=agent, conversation=conversation, secret=secret, learner=learner)


def _reranker(choice: str, model, catalogue: Catalogue, texts: Texts) -> Reranker:
    """Who reads the first hits of a search again. Raises SettingsError where the language model is too small for it."""
    if choice == "model":
        if isinstance(model, EmbeddedChat):
            raise SettingsError("rerank 'model' needs a larger language model; set --model or LLM_BASE_URL.")
        return Listwise(asking(model), catalogue, texts)
    return Reader(CrossEncoder.load(), catalogue) if choice == "cross-encoder" else as_ranked


def _use_catalogue(source: str, data_dir: Path) -> None:
    """Reads the catalogue that the settings name; says which rows it leaves out."""
    faults = use(Path(source), data_dir)
    for fault in faults[:SHOWN_FAULTS]:
        log.warning("%s:%d: %s", source, fault.line, fault.reason)
    if faults:
        log.warning("%s: %d rows left out", source, len(faults))


def _populate(stores: Stores, catalogue, size: int, tell: Progress) -> None:
    """Makes the simulated population once. Listeners come last, so a broken-off run starts this step again."""
    if not size or stores.users.list():
        return
    tell(0.8, "making the simulated listeners")
    listeners, events = simulate(catalogue, listeners=size, seed=0, until=datetime.now(UTC))
    stores.events.replace_simulated(listeners, events)


def _secret(path: Path) -> str:
    """The key that signs cookies and chips, made once for a data folder: whole or not there, the same for all."""
    if path.exists() and not path.stat().st_size:
        path.unlink()
    if not path.exists():
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        part.touch(mode=0o600)
        part.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        with suppress(FileExistsError):
            path.hardlink_to(part)
        part.unlink()
    return path.read_text(encoding="utf-8")


def _check_port(host: str, port: int) -> None:
    """Finds out before the long start whether the address is free. Raises SettingsError."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise SettingsError(
            f"{host}:{port} cannot be listened on ({error.strerror}). Choose another --port."
        ) from error


def _say_progress(share: float, what: str) -> None:
    log.info("%3.0f %%  %s", share * 100, what)


def main(argv: list[str] | None = None) -> int:
    """Runs the page until it is stopped; returns the exit code."""
    try:
        settings = load_settings(parse_flags(argv))
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        _check_port(settings.host, settings.port)
        gc.disable()
        attune = build(settings)
    except UNUSABLE as error:
        gc.enable()
        sys.stderr.write(f"Attune cannot start: {error}\n")
        return 2
    web = web_app(attune.conversation, secret=attune.secret, public_url=settings.public_url)
    gc.freeze()
    gc.enable()
    log.info("open http://%s:%d", settings.host, settings.port)
    attune.learner.start(attune.parts.engine.pipeline.swap, minutes=settings.learn_minutes)
    uvicorn.run(web, host=settings.host, port=settings.port, log_level="warning")
    attune.learner.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
