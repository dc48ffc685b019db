"""Print the bytes of adapters' buffers that vLLM allocates for small models: a program for .venv/weights.

Arguments: slots, rank, and the names of the architectures. Each line is the architecture, the bytes, and the sizes of
the model that LISA reads from config.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import torch
import transformers as hf

_SIZES: dict[str, Any] = {
    "vocab_size": 512,
    "hidden_size": 128,
    "intermediate_size": 192,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
_EXPERTS: dict[str, Any] = {"num_experts_per_tok": 2}


def _configuration(architecture: str) -> Any:
    made = {
        "GemmaForCausalLM": lambda: hf.GemmaConfig(**_SIZES, head_dim=32),
        "LlamaForCausalLM": lambda: hf.LlamaConfig(**_SIZES),
        "MixtralForCausalLM": lambda: hf.MixtralConfig(**_SIZES, **_EXPERTS, num_local_experts=4),
        "Phi3ForCausalLM": lambda: hf.Phi3Config(**_SIZES, pad_token_id=0),
        "Qwen2ForCausalLM": lambda: hf.Qwen2Config(**_SIZES),
        "Qwen3MoeForCausalLM": lambda: hf.Qwen3MoeConfig(
            **_SIZES, **_EXPERTS, head_dim=32, num_experts=4, moe_intermediate_size=64
        ),
        "Qwen3ForCausalLM": lambda: hf.Qwen3Config(**_SIZES, head_dim=32),
    }[architecture]()
    made.architectures = [architecture]
    return made


def _buffers(module: Any) -> Iterator[torch.Tensor]:
    for name, value in vars(module).items():
        if "_stacked" in name:
            yield from (one for one in (value if isinstance(value, list | tuple) else [value]) if torch.is_tensor(one))


def _allocated(directory: str, slots: int, rank: int) -> int:
    from vllm.config import set_current_vllm_config
    from vllm.distributed import (
        destroy_model_parallel,
        ensure_model_parallel_initialized,
        init_distributed_environment,
        model_parallel_is_initialized,
    )
    from vllm.engine.arg_utils import EngineArgs
    from vllm.lora.model_manager import LoRAModelManager
    from vllm.model_executor.model_loader import get_model_loader
    from vllm.utils.torch_utils import set_default_torch_dtype

    config = EngineArgs(
        model=directory,
        skip_tokenizer_init=True,
        load_format="dummy",
        dtype="bfloat16",
        enforce_eager=True,
        max_model_len=64,
        enable_lora=True,
        max_loras=slots,
        max_lora_rank=rank,
        max_num_seqs=4,
    ).create_engine_config()
    with set_current_vllm_config(config), set_default_torch_dtype(torch.bfloat16):
        if model_parallel_is_initialized():
            # Models with experts have a group that others lack.
            destroy_model_parallel()
        else:
            with tempfile.NamedTemporaryFile(delete=False) as meeting:
                init_distributed_environment(1, 0, f"file://{meeting.name}", 0, "gloo")
        ensure_model_parallel_initialized(1, 1)
        model = get_model_loader(config.load_config).load_model(config, config.model_config)
        vocabulary = config.model_config.get_vocab_size()
        manager = LoRAModelManager(model, 4, 64, vocabulary, config.lora_config, torch.device("cpu"), config)
    storages = {
        buffer.untyped_storage().data_ptr(): buffer.untyped_storage().nbytes()
        for module in manager.modules.values()
        for buffer in _buffers(module)
    }
    return sum(storages.values())


def _main(slots: int, rank: int, architectures: list[str]) -> None:
    for architecture in architectures:
        with tempfile.TemporaryDirectory() as directory:
            config = _configuration(architecture)
            config.save_pretrained(directory)
            row = [architecture, _allocated(directory, slots, rank), config.to_dict()]
        sys.stdout.write(f"{json.dumps(row)}\n")


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
