"""Settings of the application: flags > environment > attune.toml > defaults.

Read by `app.py` and `lab/`, by nothing below them.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

CONFIG = "attune.toml"


class SettingsError(ValueError):
    """A setting that cannot be used; the text names it and says what is allowed."""


class Settings(BaseSettings):
    """All knobs. The environment name of each is ATTUNE_ and its name in capitals, or the alias given."""

    model_config = SettingsConfigDict(env_prefix="ATTUNE_", toml_file=CONFIG, extra="forbid", populate_by_name=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(7860, ge=1, le=65535, description="port to listen on")
    data_dir: Path = Field(Path("var"), description="folder of the database, the vectors and downloaded models")
    catalogue: str | None = Field(
        None,
        description="what is offered: a .jsonl, .csv, .tsv or .parquet file, read in at each start in place of all "
        "items; default: what catalog.load imported, else the demonstration",
    )
    campaigns: Path | None = Field(
        None, description="file of campaigns (.toml), read again whenever it changes; default: no campaigns"
    )
    database_url: str | None = Field(
        None, validation_alias="DATABASE_URL", description="SQLAlchemy URL; default: SQLite in the data folder"
    )
    chroma_url: str | None = Field(
        None, validation_alias="CHROMA_URL", description="Chroma server; default: in process, in the data folder"
    )
    model: str = Field(
        "embedded", description="language model: embedded, a path ending in .gguf, hub:OWNER/NAME/FILE, or remote"
    )
    lora: Path | None = Field(None, description="GGUF adapter for a model given by path")
    threads: int = Field(1, ge=1, le=64, description="threads of the language model")
    llm_base_url: str | None = Field(
        None, validation_alias="LLM_BASE_URL", description="OpenAI-compatible server to use instead of a local model"
    )
    llm_api_key: str = Field("none", validation_alias="LLM_API_KEY", description="key for that server")
    llm_model: str | None = Field(
        None, validation_alias="LLM_MODEL", description="model name at that server; default: the first that it lists"
    )
    rerank: Literal["none", "cross-encoder", "model"] = Field(
        "none", description="who reads the first hits of a search again: none, the cross-encoder, or a larger model"
    )
    embedder: str | None = Field(None, description="sentence-transformers model (default: all-MiniLM-L6-v2, bundled)")
    ranker: Literal["additive", "lambdamart", "din"] = Field(
        "lambdamart", description="what orders a list: additive (a sum that can be read), lambdamart or din (learned)"
    )
    sequence: Path | None = Field(
        None, description="folder of a trained sequence model (lab.recommender.sasrec_export); default: none"
    )
    language: Literal["en", "zh"] = Field("en", description="language of the page for a new visitor")
    simulated_listeners: int = Field(400, ge=0, le=5000, description="simulated population, made at first start")
    learn_minutes: float = Field(
        60.0, ge=0, allow_inf_nan=False, description="minutes between trainings on new events; 0: only at a start"
    )
    public_url: str | None = Field(None, description="address under which a proxy serves the app, for CORS")
    teaching: Literal["on", "off"] | None = Field(
        None, description="on or off: whoever sees the page may teach it words; default: off with a public_url, else on"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much to log")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def may_teach(self) -> bool:
        """Whether the page offers teaching: not by default where strangers may come."""
        return self.teaching == "on" or (self.teaching is None and not self.public_url)

    @field_validator("chroma_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("write the server's address as http://HOST:PORT")
        return url or None

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'attune.db'}"


def load_settings(flags: dict[str, Any] | None = None) -> Settings:
    """Settings from all sources; `flags` (by field name, None = not given) win.

    Raises SettingsError with one line for each value that is not allowed.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"setting {'.'.join(map(str, e['loc']))}={e['input']!r}: {e['msg']}" for e in error.errors()]
        raise SettingsError("\n".join(lines)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{CONFIG} cannot be read: {error}. Mend that line, or take the file away.") from error


def parse_flags(argv: list[str] | None = None) -> dict[str, Any]:
    """Command-line flags as settings; `--help` lists them all with their defaults."""
    parser = argparse.ArgumentParser(prog="app.py", description="Attune: talk to your audio catalogue.")
    for name, field in Settings.model_fields.items():
        shown = "" if field.default is None else f" (default: {field.default})"
        parser.add_argument(f"--{name.replace('_', '-')}", default=None, help=f"{field.description}{shown}")
    return vars(parser.parse_args(argv))
