"""Rules of choosing a model: the embedded one by default, a file, a hub's file, a server; a wrong choice says why."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from chat.llm.choose import ModelChoiceError, open_model
from chat.llm.embedded import EmbeddedChat
from chat.llm.gguf import ChatGguf
from tests.tiny_gguf import write_lora, write_model

ROOT = Path(__file__).parents[1]


def test_the_embedded_model_is_the_default_and_reads_both_languages(tmp_path: Path) -> None:
    model = open_model(models_dir=tmp_path)
    assert isinstance(model, EmbeddedChat)
    for text in ("more history please", "想听搞笑的"):
        answer = model.invoke([HumanMessage(text)])
        assert answer.response_metadata["mode"] in ("act", "confirm", "ask") and answer.tool_calls


def test_a_file_is_opened_with_its_adapter(tmp_path: Path) -> None:
    path, lora = write_model(tmp_path / "m.gguf"), write_lora(tmp_path / "lora.gguf")
    model = open_model(str(path), lora=lora, threads=1, models_dir=tmp_path, base_url="http://127.0.0.1:9/v1")
    assert isinstance(model, ChatGguf) and model.n_threads == 1 and model.lora_path == str(lora)
    model.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """A plain file server laid out like a hub."""
    folder = tmp_path / "mirror" / "owner" / "name" / "resolve" / "main"
    folder.mkdir(parents=True)
    write_model(folder / "tiny.gguf")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "mirror")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_file_is_fetched_and_opened(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", mirror)
    model = open_model("hub:owner/name/tiny.gguf", threads=1, models_dir=tmp_path / "models")
    assert isinstance(model, ChatGguf) and model.model_path.startswith(str(tmp_path / "models"))
    model.close()


def test_a_server_takes_the_place_of_the_default(tmp_path: Path) -> None:
    model = open_model(base_url="http://127.0.0.1:9/v1", api_key="k", model_name="big", models_dir=tmp_path)
    assert getattr(model, "model_name", None) == "big"
    with pytest.raises(ModelChoiceError, match="No server answers"):
        open_model("remote", base_url="http://127.0.0.1:9/v1", models_dir=tmp_path)


@pytest.mark.parametrize(
    ("spec", "lora", "message"),
    [("gpt-4", None, "Use embedded"), ("embedded", Path("a.gguf"), "--model"), ("remote", None, "LLM_BASE_URL"),
     ("no/such.gguf", None, "There is no model file"), ("hub:what", None, "OWNER/NAME/FILE")],
)  # fmt: skip
def test_a_wrong_choice_says_what_is_allowed(spec: str, lora: Path | None, message: str, tmp_path: Path) -> None:
    with pytest.raises((ModelChoiceError, RuntimeError), match=message):
        open_model(spec, lora=lora, models_dir=tmp_path)


def test_the_default_imports_no_client_of_larger_models() -> None:
    code = "import sys, chat.llm.choose; print([m for m in ('openai', 'langchain_community') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
