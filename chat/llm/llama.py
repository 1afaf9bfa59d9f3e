"""A small GGUF decoder in llama.cpp that starts from embeddings instead of text.

Low-level llama-cpp-python calls: the high-level class cannot take embeddings as its prompt.
Not thread-safe: one user at a time.
"""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp._logger import set_verbose

CONTEXT = 512
MAX_PREFIX = 192


def repacking_is_safe() -> bool:
    """Whether llama.cpp may lay weights out anew for special kernels: on every processor but those with AMX.

    There ggml sets the tile registers up once a thread, ONNX Runtime releases them after each run, and the next
    product in that thread ends the process with an illegal instruction.
    """
    try:
        return "amx_tile" not in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True


class LlamaDecoder:
    """Owns a llama.cpp model, its context and two batches; `close` frees them."""

    def __init__(self, path: Path, threads: int) -> None:
        """Loads the model. Raises FileNotFoundError for no file, ValueError for one that llama.cpp refuses."""
        self._model: Any = None
        self._context: Any = None
        if not path.is_file():
            raise FileNotFoundError(path)
        logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # It misses a line-break piece, rightly.
        llama_cpp.llama_backend_init()
        options = llama_cpp.llama_model_default_params()
        options.n_gpu_layers, options.use_extra_bufts = 0, repacking_is_safe()
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), options)
        set_verbose(False)
        if not self._model:
            raise ValueError(f"llama.cpp cannot load {path}")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = CONTEXT, MAX_PREFIX, MAX_PREFIX
        settings.n_seq_max = 1
        settings.n_threads = settings.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, settings)
        if not self._context:
            self.close()
            raise ValueError(f"llama.cpp cannot start {path}")
        self.width = llama_cpp.llama_model_n_embd(self._model)
        vocabulary: Any = llama_cpp.llama_model_get_vocab(self._model)
        self.pieces = llama_cpp.llama_vocab_n_tokens(vocabulary)
        self._prefix = llama_cpp.llama_batch_init(MAX_PREFIX, self.width, 1)
        self._token = llama_cpp.llama_batch_init(1, 0, 1)
        self._start = self._at = 0

    def start(self, prefix: np.ndarray) -> None:
        """Forgets everything and reads a prefix of embeddings, float32 (positions, width)."""
        count, width = prefix.shape
        if width != self.width or not 0 < count <= MAX_PREFIX:
            raise ValueError(f"a prefix of shape {prefix.shape} does not fit")
        memory: Any = llama_cpp.llama_get_memory(self._context)
        llama_cpp.llama_memory_clear(memory, True)
        prefix = np.ascontiguousarray(prefix, dtype=np.float32)
        ctypes.memmove(self._prefix.embd, prefix.ctypes.data, prefix.nbytes)
        self._prefix.n_tokens = count
        for at in range(count):
            self._fill(self._prefix, at, at, wanted=False)
        self._run(self._prefix)
        self._start = self._at = count

    def step(self, token: int) -> np.ndarray:
        """Reads one token and returns the logits of the next, float32 (pieces,)."""
        self._token.n_tokens = 1
        self._token.token[0] = token
        self._fill(self._token, 0, self._at, wanted=True)
        self._run(self._token)
        self._at += 1
        logits = llama_cpp.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(logits, shape=(self.pieces,)).copy()

    def back_to(self, at: int) -> None:
        """Forgets everything from the token on that was read as number `at` (0: the first) after the prefix."""
        memory: Any = llama_cpp.llama_get_memory(self._context)
        llama_cpp.llama_memory_seq_rm(memory, 0, self._start + at, -1)
        self._at = self._start + at

    def close(self) -> None:
        """Frees the native memory; the object is of no use afterwards."""
        if self._context:
            llama_cpp.llama_batch_free(self._prefix)
            llama_cpp.llama_batch_free(self._token)
            llama_cpp.llama_free(self._context)
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._model = self._context = None

    @staticmethod
    def _fill(batch: llama_cpp.llama_batch, at: int, position: int, wanted: bool) -> None:
        batch.pos[at] = position
        batch.n_seq_id[at] = 1
        batch.seq_id[at][0] = 0
        batch.logits[at] = wanted

    def _run(self, batch: llama_cpp.llama_batch) -> None:
        if code := llama_cpp.llama_decode(self._context, batch):
            raise RuntimeError(f"llama.cpp could not decode: {code}")
