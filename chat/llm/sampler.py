"""A `Llama` that samples under a grammar cheaply, can be stopped at any time, and never crashes on a bad grammar.

llama-cpp-python runs the grammar over the whole vocabulary for each token (16-20 ms with 152,000 tokens). Here the
token is sampled first, tested alone, and only a refused one is sampled again under the grammar, as llama.cpp does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp import Llama, LlamaGrammar
from llama_cpp._internals import LlamaContext, LlamaSampler

from chat.llm.grammar import check_grammar
from chat.llm.llama import repacking_is_safe

_ROW = np.dtype([("id", "i4"), ("logit", "f4"), ("p", "f4")])


class GrammarLast:
    """Stands in for `Llama._sampler`: one token from `chain`, checked against `grammar`."""

    def __init__(self, chain: LlamaSampler, grammar: LlamaSampler, pieces: int) -> None:
        self.chain, self.grammar, self.pieces = chain, grammar, pieces
        self._rows = (llama_cpp.llama_token_data * pieces)()
        self._table = np.ctypeslib.as_array(self._rows).view(_ROW)

    def sample(self, ctx: LlamaContext, idx: int = -1) -> int:
        """The next token, already accepted by both samplers."""
        found = self._all(ctx, idx)
        _apply(self.chain, found)
        token = found.data[found.selected].id
        if self._refused(token):
            found = self._all(ctx, idx)
            _apply(self.grammar, found)
            _apply(self.chain, found)
            token = found.data[found.selected].id
        llama_cpp.llama_sampler_accept(self.grammar.sampler, token)
        llama_cpp.llama_sampler_accept(self.chain.sampler, token)
        return token

    def close(self) -> None:
        """Frees both samplers."""
        self.chain.close()
        self.grammar.close()

    def _all(self, ctx: LlamaContext, idx: int) -> Any:
        logits = llama_cpp.llama_get_logits_ith(ctx.ctx, idx)
        self._table["id"] = np.arange(self.pieces, dtype=np.int32)
        self._table["logit"] = np.ctypeslib.as_array(logits, shape=(self.pieces,))
        self._table["p"] = 0
        return llama_cpp.llama_token_data_array(
            ctypes.cast(self._rows, llama_cpp.llama_token_data_p), self.pieces, -1, False
        )

    def _refused(self, token: int) -> bool:
        one = (llama_cpp.llama_token_data * 1)(llama_cpp.llama_token_data(token, 1.0, 0.0))
        alone = llama_cpp.llama_token_data_array(ctypes.cast(one, llama_cpp.llama_token_data_p), 1, -1, False)
        _apply(self.grammar, alone)
        return alone.data[0].logit == float("-inf")


def _apply(sampler: LlamaSampler, found: Any) -> None:
    reference: Any = ctypes.byref(found)
    llama_cpp.llama_sampler_apply(sampler.sampler, reference)


class GrammarLlama(Llama):
    """`Llama` with `GrammarLast`, an abort switch and single tokens out. Not thread-safe: one user at a time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cancelled: Callable[[], bool] | None = None
        self._abort = llama_cpp.ggml_abort_callback(lambda _: bool(self._cancelled and self._cancelled()))
        llama_cpp.llama_set_abort_callback(self._ctx.ctx, self._abort, ctypes.c_void_p())

    @property
    def model_params(self) -> Any:
        """What `Llama` loads the model with; it sets them on the way and has no argument for the one set here."""
        return self._model_params

    @model_params.setter
    def model_params(self, params: Any) -> None:
        params.use_extra_bufts = repacking_is_safe()
        self._model_params = params

    @property
    def vocab(self) -> Any:
        """llama.cpp's vocabulary pointer."""
        return self._model.vocab

    def pieces(
        self, prompt: Sequence[int], options: dict[str, Any], cancelled: Callable[[], bool] | None = None
    ) -> Iterator[bytes]:
        """The answer to `prompt`, token by token, up to its end mark or the end of the context window.

        The prompt's longest prefix that equals the last one is not evaluated again. `cancelled` is asked during
        prompt evaluation too; once true, the iterator just ends. Raises GrammarError for a bad grammar.
        """
        self._cancelled = cancelled
        room = self.n_ctx() - len(prompt)
        try:
            for at, token in enumerate(self.generate(prompt, **options)):
                stopped = cancelled is not None and cancelled()
                if stopped or llama_cpp.llama_vocab_is_eog(self.vocab, token):
                    return
                yield self.detokenize([token], special=True)
                if at + 1 >= room:
                    return
        except RuntimeError:
            # "Aborted" comes as a return code. What was evaluated stays and is reused; any other fault forgets it all.
            if cancelled is None or not cancelled():
                self.reset()
                raise
        finally:
            self._cancelled = None

    def special_texts(self) -> frozenset[str]:
        """Texts of all control tokens, such as `<|im_end|>`: they must not come from a person or a catalogue."""
        wanted = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED
        texts = {
            llama_cpp.llama_vocab_get_text(self.vocab, token).decode("utf-8", "replace")
            for token in range(self.n_vocab())
            if llama_cpp.llama_vocab_get_attr(self.vocab, token) & wanted
        }
        return frozenset(text for text in texts if len(text) > 2)

    def _init_sampler(self, *args: Any, grammar: LlamaGrammar | None = None, **kwargs: Any) -> Any:
        chain = super()._init_sampler(*args, grammar=None, **kwargs)
        if grammar is None:
            return chain
        check_grammar(self.vocab, grammar._grammar)
        inner = LlamaSampler()
        inner.add_grammar(self._model, grammar)
        return GrammarLast(chain, inner, self._n_vocab)
