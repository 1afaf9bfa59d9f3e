"""Any chat model in a GGUF file, in process, with tools that work.

LangChain's `ChatLlamaCpp` keeps its name for parameters, and loses what breaks an agent: it overrides the model's own
RoPE base, reads the prompt in batches of 8, cannot choose among tools, never parses their calls, and is not
thread-safe. Here one grammar allows text or valid calls, a lock admits one turn at a time, a stopped turn frees the
model at once (also while the prompt is read), and the unchanged beginning of the prompt is not read again.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from langchain_community.chat_models import ChatLlamaCpp
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from llama_cpp import LlamaGrammar
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from pydantic import PrivateAttr, model_validator

from chat.llm.grammar import MAX_CALLS, OPEN, check_grammar, tool_grammar
from chat.llm.hermes import Answer, Defuser, Turn, shorter, tools_in_words, turns_of
from chat.llm.sampler import GrammarLlama

Cancelled = Callable[[], bool]

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LOADED = (
    "rope_freq_scale",
    "rope_freq_base",
    "lora_path",
    "n_ctx",
    "logits_all",
    "vocab_only",
    "use_mlock",
    "n_threads",
    "n_batch",
    "use_mmap",
    "last_n_tokens_size",
    "verbose",
)
_WAIT_S = 0.05


class ModelFileError(ValueError):
    """A model or adapter file that is missing or that llama.cpp refuses."""


class ChatGguf(ChatLlamaCpp):
    """`ChatLlamaCpp` with its parameters and sound defaults; see there for each. Safe to share between threads.

    `max_tokens` bounds an answer, `seed` −1 means a new one each turn. Free the memory with `close`.
    """

    n_ctx: int = 8192
    n_batch: int = 512
    n_threads: int | None = None
    """None: all cores but one; more threads than free cores are many times slower."""
    rope_freq_base: float = 0.0
    """0: what the model file says."""
    rope_freq_scale: float = 0.0
    temperature: float = 0.2
    max_tokens: int = 512
    repeat_penalty: float = 1.0
    """1: off. JSON repeats itself by nature."""
    verbose: bool = False

    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _template: Jinja2ChatFormatter = PrivateAttr()
    _defuse: Defuser = PrivateAttr()
    _speaks_hermes: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def validate_environment(self) -> ChatGguf:
        """Loads the model in place of the parent's loader. Raises ModelFileError (shown as a ValidationError)."""
        for path in filter(None, (self.model_path, self.lora_path)):
            if not Path(path).is_file():
                raise ModelFileError(f"There is no model file {path!r}. Give the path of a .gguf file.")
        if self.n_threads is None:
            self.n_threads = max(1, (os.cpu_count() or 2) - 1)
        options = {name: getattr(self, name) for name in _LOADED} | {"n_gpu_layers": self.n_gpu_layers or 0}
        try:
            self.client = GrammarLlama(self.model_path, **(options | self.model_kwargs))
        except (ValueError, RuntimeError, OSError) as error:
            wrong = f"llama.cpp cannot load {self.model_path!r} ({error}). Is it a whole GGUF file, the adapter for it?"
            raise ModelFileError(wrong) from error
        self._read_template()
        if self.grammar_path:
            self.grammar = Path(self.grammar_path).read_text(encoding="utf-8")
        if isinstance(self.grammar, str):
            check_grammar(self.client.vocab, self.grammar)
            self.grammar = LlamaGrammar.from_string(self.grammar)
        return self

    def _read_template(self) -> None:
        """A file without a chat template is spoken to in ChatML."""
        text = self.client.metadata.get("tokenizer.chat_template", CHATML)
        begin, end = (self._mark(token) for token in (self.client.token_bos(), self.client.token_eos()))
        self._template = Jinja2ChatFormatter(text, eos_token=end, bos_token=begin)
        self._speaks_hermes = OPEN in text and "tools" in text
        self._defuse = Defuser(self.client.special_texts())

    @property
    def _llm_type(self) -> str:
        return "attune-gguf"

    def close(self) -> None:
        """Frees the native memory, after the turn at work; the object is of no use afterwards."""
        with self._lock:
            self.client.close()

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """`tool_choice`: None or "auto", "any"/"required"/True, "none", a tool's name or OpenAI's dict of it."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._chunks(messages, stop, kwargs, None):
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """One thread of its own runs the whole turn, so that leaving early always frees the model."""
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        queue: asyncio.Queue[ChatGenerationChunk | None] = asyncio.Queue()

        def pump() -> None:
            for chunk in self._chunks(messages, stop, kwargs, stopped.is_set):
                loop.call_soon_threadsafe(queue.put_nowait, chunk)

        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gguf")
        done = loop.run_in_executor(thread, pump)
        done.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (chunk := await queue.get()) is not None:
                if run_manager:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            await done
        finally:
            stopped.set()
            thread.shutdown(wait=False)

    def _chunks(
        self, messages: list[BaseMessage], stop: list[str] | None, given: dict[str, Any], cancelled: Cancelled | None
    ) -> Iterator[ChatGenerationChunk]:
        choice = _choice(given.get("tool_choice"))
        tools = None if choice == "none" else given.get("tools") or None
        answer = Answer(tools=tools is not None, stops=stop or self.stop or [])
        if not self._acquire(cancelled):
            return
        try:
            options = self._options(given, tools, choice)
            prompt = self._prompt(messages, tools, limit := int(given.get("max_tokens") or self.max_tokens))
            written, text_of = 0, codecs.getincrementaldecoder("utf-8")("replace")
            for piece in self.client.pieces(prompt, options, cancelled):
                written += 1
                text, calls = answer.push(text_of.decode(piece))
                if text or calls:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=text, tool_call_chunks=calls))
                if written >= limit or answer.stopped:
                    break
        finally:
            self._lock.release()
        yield self._last(answer, len(prompt), written, full=written >= limit)

    def _last(self, answer: Answer, read: int, written: int, *, full: bool) -> ChatGenerationChunk:
        reason = "length" if full else "tool_calls" if answer.calls else "stop"
        message = AIMessageChunk(
            content=answer.rest() if not answer.cut else "",
            usage_metadata={"input_tokens": read, "output_tokens": written, "total_tokens": read + written},
            response_metadata={"model": Path(self.model_path).name, "finish_reason": reason, "truncated": answer.cut},
        )
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})

    def _acquire(self, cancelled: Cancelled | None) -> bool:
        while not self._lock.acquire(timeout=_WAIT_S):
            if cancelled and cancelled():
                return False
        return True

    def _options(self, given: dict[str, Any], tools: list[dict[str, Any]] | None, choice: str) -> dict[str, Any]:
        """Sampling options of llama.cpp, for one turn."""
        seed = self.seed if given.get("seed") is None else int(given["seed"])
        self.client.set_seed(secrets.randbits(31) if seed < 0 else seed)
        most = MAX_CALLS if choice in ("auto", "any") else 1
        grammar = LlamaGrammar.from_string(tool_grammar(tools, choice, most)) if tools else self.grammar
        return {
            "temp": float(given.get("temperature", self.temperature)),
            "top_p": self.top_p,
            "top_k": self.top_k,
            "repeat_penalty": self.repeat_penalty,
            "grammar": grammar,
        }

    def _prompt(self, messages: list[BaseMessage], tools: list[dict[str, Any]] | None, limit: int) -> list[int]:
        """Tokens of the talk, made shorter until the answer has room. Raises ValueError where it cannot fit."""
        turns: list[Turn] | None = turns_of(messages, self._defuse)
        room = self.client.n_ctx() - min(limit, self.client.n_ctx() // 2)
        count = 0
        while turns:
            tokens = self._render(turns, tools)
            count = len(tokens)
            if count <= room:
                return tokens
            turns = shorter(turns)
        raise ValueError(f"The instructions and tools need {count} tokens, there is room for {room}. Raise n_ctx.")

    def _render(self, turns: list[Turn], tools: list[dict[str, Any]] | None) -> list[int]:
        if tools and not self._speaks_hermes:
            turns, tools = tools_in_words(turns, tools), None
        try:
            text = self._template(messages=turns, tools=tools, enable_thinking=False).prompt  # type: ignore[arg-type]
        except (TemplateError, ValueError) as error:
            raise ValueError(f"The chat template of {self.model_path!r} fails: {error}. Use another model.") from error
        return self.client.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=True)

    def _mark(self, token: int) -> str:
        return self.client.detokenize([token], special=True).decode("utf-8", "replace") if token >= 0 else ""


def _choice(given: Any) -> str:
    """LangChain's and OpenAI's ways to choose a tool as "auto", "any", "none" or a tool's name."""
    if isinstance(given, dict):
        return str(given["function"]["name"])
    if given in (None, False, "auto"):
        return "auto"
    return "any" if given in (True, "any", "required") else str(given)
