"""Rules of a model behind a URL, against llama-cpp-python's own OpenAI-compatible server on loopback."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware
from langchain_core.messages import HumanMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI

from chat.llm.remote import RemoteError, open_remote
from tests.tiny_gguf import write_model
from tools.registry import all_tools

KEY = "loopback-key"
PATIENCE_S = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("server")
    model, port = write_model(folder / "tiny.gguf"), free_port()
    command = [
        sys.executable,
        "-m",
        "llama_cpp.server",
        "--model",
        str(model),
        "--model_alias",
        "tiny",
        "--api_key",
        KEY,
    ]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", "16384", "--n_threads", "1"]
    command += ["--chat_format", "chatml-function-calling", "--verbose", "false"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ)) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/v1/models", server, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(address, headers={"authorization": f"Bearer {KEY}"}, timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def chat(url: str) -> ChatOpenAI:
    return open_remote(url, KEY)


def test_without_a_name_it_takes_the_first_model(chat: ChatOpenAI, url: str) -> None:
    assert chat.model_name == "tiny"
    assert open_remote(url, KEY, "other").model_name == "other"


def test_it_talks_streams_and_drives_an_agent(chat: ChatOpenAI) -> None:
    short = chat.model_copy(update={"extra_body": {"max_tokens": 8}})
    assert short.invoke("hello").response_metadata["finish_reason"] in ("length", "stop")
    agent = create_agent(short, [], middleware=[ModelCallLimitMiddleware(run_limit=1, exit_behavior="end")])

    async def talk() -> tuple[int, int]:
        chunks = [chunk async for chunk in short.astream("hello")]
        final = await agent.ainvoke({"messages": [HumanMessage("hello")]})
        return len(chunks), len(final["messages"])

    chunks, messages = asyncio.run(talk())
    assert chunks > 1 and messages >= 2


@pytest.mark.parametrize("name", ["set_payment", "set_completion_status", "reset_preferences", "undo_last_change"])
def test_it_takes_the_same_26_tools(chat: ChatOpenAI, name: str) -> None:
    tools = all_tools()
    assert len(tools) == 26
    answer = chat.bind_tools(tools, tool_choice=name).invoke("hello")
    (call,) = answer.tool_calls
    schema = next(convert_to_openai_tool(tool)["function"] for tool in tools if tool.name == name)
    assert call["name"] == name and not answer.invalid_tool_calls
    jsonschema.validate(call["args"], schema["parameters"])


def test_a_wrong_key_or_path_says_so(url: str) -> None:
    with pytest.raises(RemoteError, match="401.*LLM_API_KEY"):
        open_remote(url, "wrong")
    with pytest.raises(RemoteError, match="404.*/v1"):
        open_remote(url.removesuffix("/v1") + "/v2", KEY)


def test_no_server_says_so() -> None:
    with pytest.raises(RemoteError, match="No server answers"):
        open_remote(f"http://127.0.0.1:{free_port()}/v1")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host/v1", ""])
def test_an_address_that_is_none_says_so(url: str) -> None:
    with pytest.raises(RemoteError, match="http"):
        open_remote(url)
