"""Learnt models on disk: one folder a bundle, and a pointer that says which of them serves.

A bundle is written beside its place and moved there whole, then the pointer is replaced in one step: whoever is killed
in between leaves the old bundle in service. Several processes may read one folder; only the holder of the lease writes.
"""

from __future__ import annotations

import shutil
import uuid
import zipfile
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from catalog.catalogue import Catalogue
from recommend.models import Models

POINTER = "serving.json"
RANKER = "ranker"
"""Where a bundle keeps its ranker, if it has one of its own (`recommend.rankers.learnt_ranker`)."""
PART = ".part"


class Bundle(BaseModel, frozen=True, extra="forbid"):
    """Which models serve, and what they were learnt from."""

    name: str
    catalogue: str
    """Fingerprint of the items (`recommend.models.fingerprint`)."""
    events: int
    """How many events they know."""
    last_event: int
    """Id of the newest of them; 0 for none."""
    until: datetime
    """When the last of them happened."""


class Bundles:
    """The bundles of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def serving(self) -> Bundle | None:
        """The bundle in service; None where there is none, or the pointer is of another version."""
        try:
            return Bundle.model_validate_json((self.folder / POINTER).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def load(self, bundle: Bundle, catalogue: Catalogue) -> Models | None:
        """Its models; None where they are gone, broken, or of other items."""
        try:
            return Models.load(self.folder / bundle.name, catalogue)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def ranker(self, name: str) -> Path:
        """Where the bundle of this name would keep a ranker."""
        return self.folder / name / RANKER

    def keep_ranker(self, bundle: Bundle, draft: Path) -> None:
        """Take a bundle's ranker, if it has one, over into a draft."""
        ranker = self.ranker(bundle.name)
        if ranker.is_dir():
            shutil.copytree(ranker, draft / RANKER)

    def draft(self) -> Path:
        """A folder to write new models to; those that broken-off runs left are removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"*{PART}"):
            shutil.rmtree(left, ignore_errors=True)
        return self.folder / f"{uuid.uuid4().hex[:12]}{PART}"

    def publish(self, draft: Path, bundle: Bundle) -> None:
        """Put a draft into service. The bundles before it are deleted: they may know what was forgotten since."""
        draft.replace(self.folder / bundle.name)
        pointer = self.folder / f"{POINTER}{PART}"
        pointer.write_text(bundle.model_dump_json(indent=1) + "\n", encoding="utf-8")
        pointer.replace(self.folder / POINTER)
        for place in self.folder.iterdir():
            if place.is_dir() and place.name != bundle.name:
                shutil.rmtree(place, ignore_errors=True)
