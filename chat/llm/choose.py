"""Opens the language model that the settings name. All of them take the same tools."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import ValidationError

from chat.llm.embedded import EmbeddedChat
from chat.llm.hub import PREFIX, HubFile, fetch
from chat.llm.understanding import Understanding

EMBEDDED = "embedded"
REMOTE = "remote"
_ALLOWED = "embedded, a path to a .gguf file, hub:OWNER/NAME/FILE, or remote with LLM_BASE_URL"


class ModelChoiceError(ValueError):
    """Settings that name no model; the text says what is allowed."""


def open_model(  # noqa: PLR0913  (one per setting, all by name)
    spec: str = EMBEDDED,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model_name: str | None = None,
    lora: Path | None = None,
    threads: int | None = None,
    models_dir: Path,
) -> BaseChatModel:
    """The model for `spec`: "embedded", "PATH.gguf", "hub:OWNER/NAME/FILE" or "remote".

    With a `base_url`, "embedded" (the default) means that server; a named file wins over it. `lora` goes with a GGUF
    file only. Downloads land in `models_dir`. Raises ModelChoiceError, or FileNotFoundError for missing own weights.
    """
    spec = spec.strip() or EMBEDDED
    local = spec.startswith(PREFIX) or spec.endswith(".gguf")
    if spec not in (EMBEDDED, REMOTE) and not local:
        raise ModelChoiceError(f"model {spec!r} is unknown. Use {_ALLOWED}.")
    if lora is not None and not local:
        raise ModelChoiceError(f"the adapter {str(lora)!r} needs a GGUF model, not {spec!r}. Name one with --model.")
    if spec == REMOTE and not base_url:
        raise ModelChoiceError("model 'remote' has no server. Set LLM_BASE_URL, such as http://localhost:8080/v1.")
    try:
        if local:
            return _gguf(_file(spec, models_dir), lora, threads)
        if base_url:
            return _part("remote").open_remote(base_url, api_key, model_name)
    except RuntimeError as error:
        raise ModelChoiceError(str(error)) from error
    return EmbeddedChat(reader=Understanding.load(threads=threads or 1))


def _file(spec: str, models_dir: Path) -> Path:
    if spec.startswith(PREFIX):
        return fetch(HubFile.parse(spec), models_dir, environ=os.environ)
    return Path(spec).expanduser()


def _gguf(path: Path, lora: Path | None, threads: int | None) -> BaseChatModel:
    adapter = str(lora.expanduser()) if lora else None
    try:
        return _part("gguf").ChatGguf(model_path=str(path), lora_path=adapter, n_threads=threads)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ModelChoiceError(reason) from error


def _part(name: str) -> Any:
    """`chat.llm.NAME`, imported when it is chosen: the clients of larger models take seconds to import."""
    return importlib.import_module(f"chat.llm.{name}")
