"""Names that a safetensors file lacks although its header records them as other names of its tensors.

safetensors' save_model, and LISA's converter before version 2, write one name of a shared storage and put the others
into the header's metadata. Neither transformers nor vLLM reads that record, so that a dropped embedding or layer is
loaded with random values. An output head that config.json declares tied to the embedding is the one exception.

Source: https://huggingface.co/docs/safetensors/torch_shared_tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from lisa_weights.bounded_json import parse
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.header import Header

_MAX_CONFIG_BYTES = 4_000_000
_CONFIG_MEMORY = 40_000_000
_FORMAT = "format"
_OUTPUT_HEADS = (
    "lm_head.weight",
    "lm_head.decoder.weight",
    "lm_head.decoder.bias",
    "cls.predictions.decoder.weight",
    "cls.predictions.decoder.bias",
    "predictions.decoder.weight",
    "predictions.decoder.bias",
    "embed_out.weight",
    "proj_out.weight",
    "output_projection.weight",
)
TIED_UNLESS_STATED = frozenset(
    {
        "albert", "aya_vision", "bart", "bert", "bert-generation", "big_bird", "bigbird_pegasus", "biogpt",
        "blenderbot", "blenderbot-small", "blip", "blip-2", "blip_text_model", "bloom", "camembert", "cohere",
        "cohere2", "cohere2_moe", "cohere2_vision", "cohere_compass", "cohere_compass_text", "colmodernvbert",
        "colpali", "convbert", "cpmant", "ctrl", "d_fine", "dab-detr", "data2vec-text", "deberta", "deberta-v2",
        "deformable_detr", "deimv2", "diffusion_gemma", "diffusion_gemma_text", "distilbert", "electra", "ernie",
        "ernie4_5", "ernie4_5_moe", "ernie4_5_vl_moe", "ernie4_5_vl_moe_text", "esm", "falcon", "falcon_mamba",
        "flaubert", "florence2", "fnet", "fun_asr_nano", "funnel", "gemma", "gemma2", "gemma3", "gemma3_text",
        "gemma3n", "gemma3n_text", "gemma4", "gemma4_assistant", "gemma4_text", "gemma4_unified",
        "gemma4_unified_assistant", "gemma4_unified_text", "got_ocr2", "gpt-sw3", "gpt2", "gpt_bigcode", "gpt_neo",
        "gpt_neox_japanese", "granite_speech5_ctc", "granite_swa", "grounding-dino", "gte", "hunyuan_vl",
        "hunyuan_vl_text", "ibert", "instructblip", "instructblipvideo", "jetmoe", "jina_embeddings_v3", "kosmos-2",
        "kosmos-2.5", "kosmos_2_5_text_model", "kosmos_2_text_model", "layoutlm", "led", "lfm2", "lfm2_moe", "lfm2_vl",
        "longformer", "longt5", "luke", "lxmert", "m2m_100", "mamba", "marian", "mbart", "megatron-bert", "mimi",
        "minicpm3", "mm-grounding-dino", "mobilebert", "modernbert", "modernbert-decoder", "modernvbert", "moonshine",
        "mpnet", "mpt", "mra", "mt5", "mvp", "neomme", "nllb-moe", "nomic_bert", "nystromformer", "openai-gpt", "opt",
        "paddleocr_vl", "paddleocr_vl_text", "paligemma", "pe_audio", "pegasus", "pegasus_x", "plbart", "pop2piano",
        "pp_chart2table", "pp_doclayout_v3", "prophetnet", "qwen2_5_omni", "qwen2_5_omni_text", "qwen2_5_omni_thinker",
        "qwen3_asr", "qwen3_vl_moe", "qwen3_vl_moe_text", "recurrent_gemma", "roberta", "roberta-prelayernorm",
        "roc_bert", "roformer", "rt_detr_v2", "sam", "sam_hq", "seamless_m4t", "seamless_m4t_v2", "shieldgemma2",
        "smollm3", "speech_to_text", "speecht5", "squeezebert", "starcoder2", "switch_transformers", "t5",
        "t5_gemma_module", "t5gemma", "t5gemma2", "t5gemma2_decoder", "t5gemma2_encoder", "t5gemma2_text", "tapas",
        "trocr", "udop", "umt5", "vaultgemma", "vilt", "visual_bert", "voxtral_realtime", "whisper", "xglm", "xlm",
        "xlm-roberta", "xlm-roberta-xl", "xlnet", "xmod", "yoso", "youtu", "zamba", "zamba2", "zaya",
    }
)  # fmt: skip
"""Values of `model_type` for which an absent `tie_word_embeddings` means that the output head is tied.

Source: the defaults of the configuration classes of transformers 5.19.
"""


@dataclass(frozen=True, slots=True)
class FileNames:
    """The names in one safetensors file; little memory, so that all files of a model can be held at once.

    Attributes:
        stored: names of its tensors.
        recorded: names in its metadata, each with the name of the tensor that it was tied to.
    """

    stored: tuple[str, ...]
    recorded: Mapping[str, str]

    @classmethod
    def of(cls, header: Header) -> FileNames:
        """Take the names from a file's header."""
        recorded = {name: kept for name, kept in header.metadata.items() if name != _FORMAT}
        return cls(tuple(tensor.name for tensor in header.tensors), recorded)


def dropped_names(files: Mapping[str, FileNames], config: Callable[[], Mapping[str, Any]]) -> tuple[str, ...]:
    """Describe each name that the files record without storing it, unless it is a declared tied output head.

    Args:
        files: of all safetensors files in one directory, by path.
        config: returns the content of config.json; it is called only where a file records names.

    Returns:
        Sentences without a full stop, sorted; empty when every name is stored.
    """
    if not any(file.recorded for file in files.values()):
        return ()
    stored = {name for file in files.values() for name in file.stored}
    heads_are_tied = ties_output_head(config())
    return tuple(
        sorted(
            f"{path} lacks {name!r}, which its header records as the same tensor as {kept!r}"
            for path, file in files.items()
            for name, kept in file.recorded.items()
            if kept in stored and name not in stored and not (heads_are_tied and is_output_head(name))
        )
    )


def read_config(stream: IO[bytes]) -> Mapping[str, Any]:
    """Read a config.json; one that is too large or is not a JSON object counts as empty."""
    content = stream.read(_MAX_CONFIG_BYTES + 1)
    if len(content) > _MAX_CONFIG_BYTES:
        return {}
    try:
        found = parse(content, _CONFIG_MEMORY)
    except WeightsError:
        return {}
    return found if isinstance(found, dict) else {}


def is_output_head(name: str) -> bool:
    """Whether a name is that of an output head, or of its bias, in one of the usual architectures."""
    return any(name == head or name.endswith(f".{head}") for head in _OUTPUT_HEADS)


def ties_output_head(config: Mapping[str, Any]) -> bool:
    """Whether config.json declares that the output head is the embedding, or leaves that to a type that ties it."""
    text = config.get("text_config")
    for part in (config, text if isinstance(text, dict) else {}):
        stated = part.get("tie_word_embeddings")
        if isinstance(stated, bool):
            return stated
    return config.get("model_type") in TIED_UNLESS_STATED
