"""Any server that speaks OpenAI's chat protocol (vLLM, llama.cpp, Ollama …), by its URL."""

from __future__ import annotations

import httpx
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

TIMEOUT_S = 60.0
"""Longest wait for one answer: a large model on a busy server, but still within a person's patience."""
LOOK_S = 5.0
RETRIES = 2
MAX_TOKENS = 512
NO_KEY = "none"


class RemoteError(RuntimeError):
    """A server that cannot be used; the text says why and what to do."""


def open_remote(base_url: str, api_key: str | None = None, model_name: str | None = None) -> ChatOpenAI:
    """A chat model of the server at `base_url` (with its `/v1`); without `model_name` the first that it lists.

    Tools, streaming and cancellation are LangChain's own. Raises RemoteError where the server is not there.
    """
    url = base_url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise RemoteError(f"LLM_BASE_URL is {base_url!r}; it must be like http://localhost:8080/v1 (http or https).")
    return ChatOpenAI(
        model=model_name or first_model(url, api_key),
        base_url=url,
        api_key=SecretStr(api_key or NO_KEY),
        timeout=TIMEOUT_S,
        max_retries=RETRIES,
        temperature=0.2,
        extra_body={"max_tokens": MAX_TOKENS},
        use_responses_api=False,
    )


def first_model(url: str, api_key: str | None) -> str:
    """The name of the first model that the server lists. Raises RemoteError."""
    headers = {"authorization": f"Bearer {api_key or NO_KEY}"}
    try:
        answer = httpx.get(f"{url}/models", headers=headers, timeout=LOOK_S).raise_for_status()
        names = [str(model["id"]) for model in answer.json()["data"]]
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        wrong = f"{url}/models answers {code}. Check LLM_BASE_URL (it ends in /v1) and LLM_API_KEY."
        raise RemoteError(wrong) from error
    except httpx.HTTPError as error:
        raise RemoteError(f"No server answers at {url} ({error}). Start it, or correct LLM_BASE_URL.") from error
    except (ValueError, KeyError, TypeError) as error:
        wrong = f"{url}/models does not list models as OpenAI's protocol does. Name one with LLM_MODEL."
        raise RemoteError(wrong) from error
    if not names:
        raise RemoteError(f"The server at {url} has no model. Load one there, or name it with LLM_MODEL.")
    return names[0]
