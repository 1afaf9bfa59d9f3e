"""Campaigns: what the people who run the product want shown, shown more or shown less, by rules in a file.

```
[[campaign]]
id = "halloween"
title = { en = "Halloween nights", zh = "万圣节之夜" }
kind = "boost"                          # pin | boost | bury
target = ["category:horror", "my-001"]  # item ids, or kind:name
strength = 1.0                          # logits, for boost and bury
from = 2026-10-24T00:00:00Z
until = 2026-11-02T00:00:00Z
audience = { ui_language = ["en"], listeners = "known" }
```

What a rule does to a list is in `recommend.promotion`.
"""

from __future__ import annotations

import logging
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from catalog.catalogue import KINDS
from catalog.items import AGE_ORDER, Age
from recommend.request import Promotion, Request, UiLanguage

log = logging.getLogger(__name__)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
TARGET_KINDS = (*KINDS, "provider")
MOST_STRENGTH = 3.0
"""Logits; a plain wish for a category moves an item by more, so a wish beats a campaign."""
DEFAULT_STRENGTH = 1.0
PLACES = frozenset({"home", "more", "trending", "discover"})
"""Lists that campaigns may touch; whoever searches, asks for a likeness or tells at length what they want (whatever the
list) has asked for something definite."""


class CampaignError(ValueError):
    """A campaign file that cannot be used; the text names the line, the campaign, the value and what is allowed."""


class Title(BaseModel, frozen=True, extra="forbid"):
    """What the listener is told."""

    en: Name
    zh: Name


class Audience(BaseModel, frozen=True, extra="forbid"):
    """Whom a campaign is for; what is left out means everybody."""

    ui_language: tuple[UiLanguage, ...] = ("en", "zh")
    ages: tuple[Age, ...] = AGE_ORDER
    """Age marks that the listeners' profiles hold."""
    listeners: Literal["all", "new", "known"] = "all"
    """"new": has not touched an item yet."""
    personas: bool = True
    """Whether the simulated listeners of the demonstration see it."""

    def holds(self, request: Request) -> bool:
        """Whether the request's listener belongs to it."""
        listener = request.listener
        if request.ui_language not in self.ui_language or listener.age not in self.ages:
            return False
        if listener.persona and not self.personas:
            return False
        known = any(event.kind != "impression" for event in request.history.events)
        return self.listeners == "all" or (self.listeners == "known") == known


class Campaign(BaseModel, frozen=True, extra="forbid", populate_by_name=True):
    """One rule. Two rules that want one place: the one that stands first in the file has it."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
    title: Title
    kind: Literal["pin", "boost", "bury"]
    target: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Item ids, or kind:name with a kind of TARGET_KINDS. A pin takes them in this order."""
    strength: Annotated[float, Field(gt=0, le=MOST_STRENGTH)] | None = None
    """Logits that a boost gives or a bury takes; not for a pin."""
    position: Annotated[int, Field(ge=1, le=50)] | None = None
    """1-based place of a pin's first item; not for the others."""
    cap: Annotated[int, Field(ge=1, le=20)] | None = None
    """Items of one list that it pins (1 when left out) or boosts (all when left out); not for a bury."""
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: AwareDatetime | None = None
    """The first moment at which it no longer holds."""
    audience: Audience = Audience()

    @field_validator("target")
    @classmethod
    def _no_misspelt_kind(cls, target: tuple[str, ...]) -> tuple[str, ...]:
        for kind, colon, _ in (name.partition(":") for name in target):
            if colon and kind not in TARGET_KINDS and get_close_matches(kind, TARGET_KINDS, 1):
                raise ValueError(f"no kind {kind!r}; use one of {list(TARGET_KINDS)}, or an item id")
        return target

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Campaign:
        pinned = self.kind == "pin"
        if pinned and self.strength is not None:
            raise ValueError(f"strength={self.strength:g} says nothing about a pin; leave it out")
        if not pinned and self.position is not None:
            raise ValueError(f"position={self.position} is for a pin, not for a {self.kind}; leave it out")
        if self.kind == "bury" and self.cap is not None:
            raise ValueError(f"cap={self.cap} is for a pin or a boost, not for a bury; leave it out")
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"until={self.until.isoformat()} must come after from={self.since.isoformat()}")
        return self

    @property
    def shift(self) -> float:
        """Logits that it moves its targets by, signed; 0 for a pin."""
        if self.kind == "pin":
            return 0.0
        strength = DEFAULT_STRENGTH if self.strength is None else self.strength
        return strength if self.kind == "boost" else -strength

    @property
    def promotion(self) -> Promotion:
        """What a card says of it."""
        return Promotion(campaign=self.id, en=self.title.en, zh=self.title.zh)

    def on(self, request: Request) -> bool:
        """Whether it holds for a request: its dates, its audience, and the kind of list."""
        definite = request.intent not in PLACES or bool(request.told)
        begun = self.since is None or self.since <= request.now
        ended = self.until is not None and request.now >= self.until
        return begun and not ended and not definite and self.audience.holds(request)


class Campaigns:
    """The rules in force. The file is looked at with every request and read again when it has changed.

    A changed file that cannot be used leaves the rules in force as they are, and is logged once. A file that is not
    there holds no rules. Safe to use from several threads: the rules are replaced as a whole.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Raises CampaignError where the file is there and cannot be used."""
        self._path = path
        self._stamp = _stamp(path)
        self._rules = load(path) if path is not None and self._stamp else ()
        if path is not None and not self._stamp:
            log.warning("%s is not there: no campaigns until it is", path)

    @property
    def rules(self) -> tuple[Campaign, ...]:
        """All rules in force, whenever and for whomever they hold."""
        return self._rules

    def active(self, request: Request) -> tuple[Campaign, ...]:
        """The campaigns that hold for a request, in the order of the file."""
        self._refresh()
        return tuple(campaign for campaign in self._rules if campaign.on(request))

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if self._path is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._rules = load(self._path) if stamp else ()
        except CampaignError as error:
            log.error("campaigns kept as they were: %s", error)
            return
        log.info("%s: %d campaigns read", self._path, len(self._rules))


def load(path: Path) -> tuple[Campaign, ...]:
    """The campaigns of a TOML file, in its order. Raises CampaignError with one line for each thing that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CampaignError(f"{path}: {error}") from error
    if strange := sorted(tables.keys() - {"campaign"}):
        raise CampaignError(f"{path}: unknown {strange[0]!r}; allowed is [[campaign]] and nothing else")
    found = tables.get("campaign", [])
    if not isinstance(found, list):
        raise CampaignError(f"{path}: write [[campaign]] in double brackets for each campaign")
    return _checked(found, path, text)


def _checked(tables: list[dict[str, Any]], path: Path, text: str) -> tuple[Campaign, ...]:
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*campaign\s*\]\]", line)]
    places = [f"{path}:{lines[n]}" if n < len(lines) else str(path) for n in range(len(tables))]
    campaigns: dict[str, Campaign] = {}
    faults: list[str] = []
    for table, place in zip(tables, places, strict=True):
        try:
            campaign = Campaign.model_validate(table)
        except ValidationError as error:
            faults += [f"{place}: campaign {table.get('id', '?')!r}: {_said(e)}" for e in error.errors()]
            continue
        if campaign.id in campaigns:
            faults.append(f"{place}: campaign {campaign.id!r}: id={campaign.id!r} stands there twice; ids are unique")
        campaigns[campaign.id] = campaign
    if faults:
        raise CampaignError("\n".join(faults))
    return tuple(campaigns.values())


def _said(error: Any) -> str:
    """One fault of pydantic's as "field=value: what is allowed"."""
    message = error["msg"].removeprefix("Value error, ")
    field = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown {field!r}; allowed are {sorted(f.alias or n for n, f in Campaign.model_fields.items())}"
    if error["type"] == "missing":
        return f"{field} is missing"
    return f"{field}={error['input']!r}: {message}" if field else message


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """What changes when a file does; None where there is no file."""
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino) if stat else None
