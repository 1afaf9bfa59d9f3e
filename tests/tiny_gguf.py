"""A GGUF model of the Qwen2 architecture with random weights and a byte-level vocabulary: small, made on the fly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

WIDTH, LAYERS, HEADS, KV_HEADS, INNER, CONTEXT = 64, 2, 4, 2, 128, 32768
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")
WORDS = (
    *("type", "function", "name", "description", "parameters", "properties", "required", "string", "enum", "number"),
    *("object", "anyOf", "null", "default", "minimum", "maximum", "integer", "duration", "session", "lasting"),
)
"""Words of tool schemas that are one token each, so that 26 tools make a short prompt."""
HERMES = (
    "{% if tools %}<|im_start|>system\n{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
    "\n<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n</tools>"
    "\nAnswer with <tool_call>{...}</tool_call><|im_end|>\n"
    "{% elif messages[0].role == 'system' %}<|im_start|>system\n{{ messages[0].content }}<|im_end|>\n{% endif %}"
    "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>\n{{ c.function | tojson }}\n</tool_call>{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_letters() -> list[str]:
    """The 256 letters that GPT-2's byte-level vocabulary writes bytes with, byte 0 first."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, extra = {}, 0
    for byte in range(256):
        letters[byte] = chr(byte) if byte in plain else chr(256 + extra)
        extra += byte not in plain
    return [letters[byte] for byte in range(256)]


def write_model(path: Path, template: str | None = HERMES, seed: int = 0) -> Path:
    """Writes the model; without `template` it has no chat template."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    size = _vocabulary(writer, template)
    for name, shape in _shapes(size):
        if len(shape) == 1:
            tensor = (np.ones if "norm" in name else np.zeros)(shape, np.float32)
        else:
            tensor = (rng.standard_normal(shape) * (0.5 if name.startswith("token") else 0.05)).astype(np.float16)
        writer.add_tensor(name, tensor)
    _finish(writer)
    return path


def write_lora(path: Path, seed: int = 1) -> Path:
    """Writes a LoRA adapter of rank 4 with large random weights for the model of `write_model`."""
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    for layer in range(LAYERS):
        name = f"blk.{layer}.ffn_down.weight"
        writer.add_tensor(f"{name}.lora_a", rng.standard_normal((4, INNER)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", rng.standard_normal((WIDTH, 4)).astype(np.float32))
    _finish(writer)
    return path


def _vocabulary(writer: gguf.GGUFWriter, template: str | None) -> int:
    merges = sorted({f"{word[:at]} {word[at]}" for word in WORDS for at in range(1, len(word))}, key=len)
    tokens = [*byte_letters(), *(merge.replace(" ", "") for merge in merges), *SPECIAL]
    kinds = [gguf.TokenType.NORMAL] * (len(tokens) - len(SPECIAL)) + [gguf.TokenType.CONTROL] * 3
    kinds += [gguf.TokenType.USER_DEFINED] * 2
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index(SPECIAL[0]))
    writer.add_eos_token_id(tokens.index(SPECIAL[2]))
    writer.add_pad_token_id(tokens.index(SPECIAL[0]))
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)
    return len(tokens)


def _shapes(size: int) -> list[tuple[str, tuple[int, ...]]]:
    narrow = WIDTH // HEADS * KV_HEADS
    shapes: list[tuple[str, tuple[int, ...]]] = [("token_embd.weight", (size, WIDTH)), ("output.weight", (size, WIDTH))]
    shapes.append(("output_norm.weight", (WIDTH,)))
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for name, wide in (("attn_q", WIDTH), ("attn_k", narrow), ("attn_v", narrow)):
            shapes += [(f"{block}{name}.weight", (wide, WIDTH)), (f"{block}{name}.bias", (wide,))]
        shapes += [
            (f"{block}attn_norm.weight", (WIDTH,)),
            (f"{block}ffn_norm.weight", (WIDTH,)),
            (f"{block}attn_output.weight", (WIDTH, WIDTH)),
            (f"{block}ffn_gate.weight", (INNER, WIDTH)),
            (f"{block}ffn_up.weight", (INNER, WIDTH)),
            (f"{block}ffn_down.weight", (WIDTH, INNER)),
        ]
    return shapes


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def as_hugging_face(path: Path) -> tuple[Any, Any]:
    """The model of `write_model` and its tokenizer, as transformers knows them."""
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: np.array(tensor.data, dtype=np.float32) for tensor in reader.tensors}
    config = Qwen2Config(
        vocab_size=len(tensors["token_embd.weight"]),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, LAYERS)
    ours = {name: names.get_name(name, try_suffixes=(".weight", ".bias")) for name in model.state_dict()}
    model.load_state_dict({name: torch.from_numpy(tensors[theirs]) for name, theirs in ours.items()})
    return model.eval(), _tokenizer(reader)


def _tokenizer(reader: gguf.GGUFReader) -> PreTrainedTokenizerFast:
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()
    merges = [tuple(merge.split(" ")) for merge in reader.get_field("tokenizer.ggml.merges").contents()]
    bpe = Tokenizer(BPE({token: at for at, token in enumerate(tokens)}, merges))
    bpe.pre_tokenizer, bpe.decoder = ByteLevel(add_prefix_space=False), ByteLevelDecoder()
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=SPECIAL[2], pad_token=SPECIAL[0])
    made.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    made.chat_template = reader.get_field("tokenizer.chat_template").contents()
    return made
