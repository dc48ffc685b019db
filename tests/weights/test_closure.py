"""Which files a server reads of a model, why each other one is left out, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.model_directory import LocalState, ModelDirectory, lock_directory, read_directory
from lisa_weights.resolve import IssueKind, resolve
from weights.model_files import SHARDS, checkpoint, safetensors, sharded, single, write

MODEL = "org/name"
LLAMA = json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}).encode()
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 4943162336\n"
WEIGHTS = safetensors({"linear.weight": b"d" * 40})


def modules(**folders: str) -> dict[str, bytes]:
    """modules.json of a transformer and of modules by folder and class."""
    entries = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, (path, kind) in enumerate(folders.items(), start=1):
        name = path.replace("__", "/")
        entries.append(
            {"idx": number, "name": str(number), "path": name, "type": f"sentence_transformers.models.{kind}"}
        )
    return {"modules.json": json.dumps(entries).encode()}


def reasons(directory: ModelDirectory) -> dict[str, str]:
    return {file.path: file.reason for file in directory.omitted}


def test_shard_that_only_the_index_names_is_served(tmp_path: Path) -> None:
    index = {"weight_map": {"x": SHARDS[0], "y": SHARDS[1], "z": "mtp.safetensors"}}
    files = sharded() | {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "mtp.safetensors": safetensors({"z": b"m"}),
    }
    found = read_directory(write(tmp_path, files | {"draft.safetensors": safetensors({"z": b"m"})}))
    assert found.completeness.problems == ()
    assert found.files.keys() == files.keys()
    assert reasons(found) == {"draft.safetensors": "weights that no index names"}


@pytest.mark.parametrize(
    ("path", "name", "read"),
    [
        ("2_Dense", "2_Dense", True),
        ("dense", "dense", True),
        ("heads__2_Dense", "heads/2_Dense", True),
        ("a__b__c__projection", "a/b/c/projection", True),
        ("2_Dense", "3_Dense", False),
    ],
)
def test_module_of_any_name_and_depth_is_converted_and_served(tmp_path: Path, path: str, name: str, read: bool) -> None:
    files = single() | modules(**{path: "Dense"}) | {f"{name}/pytorch_model.bin": checkpoint(b"abcd")}
    directory = write(tmp_path / MODEL, files | {f"{name}/config.json": b"{}"})
    resolution = resolve([MODEL], tmp_path, WeightsLock())
    if not read:
        (issue,) = resolution.issues
        assert issue.kind is IssueKind.REFUSED
        assert "modules.json names the folder 2_Dense, which does not exist" in issue.reasons[0]
        return
    served = {file.path for file in resolution.lock.models[MODEL].files}
    assert {f"{name}/model.safetensors", f"{name}/config.json", "modules.json"} <= served
    assert f"{name}/pytorch_model.bin" not in served
    assert reasons(read_directory(directory))[f"{name}/pytorch_model.bin"].startswith("a PyTorch checkpoint")


def test_folder_that_modules_json_does_not_name_is_left_out(tmp_path: Path) -> None:
    files = single() | modules(**{"1_Pooling": "Pooling", "2_Normalize": "Normalize"})
    found = read_directory(write(tmp_path, files | {"1_Pooling/config.json": b"{}", "3_Dense/config.json": b"{}"}))
    assert found.state is LocalState.COMPLETE
    assert "1_Pooling/config.json" in found.files
    assert reasons(found) == {"3_Dense/config.json": "3_Dense is a folder that neither modules.json nor code refers to"}


def test_module_with_weights_in_a_nested_folder_is_complete(tmp_path: Path) -> None:
    files = (
        single()
        | modules(router="Router")
        | {
            "router/router_config.json": b"{}",
            "router/query_0_Dense/config.json": b"{}",
            "router/query_0_Dense/model.safetensors": WEIGHTS,
            "router/query_0_Dense/pytorch_model.bin": b"x",
        }
    )
    found = read_directory(write(tmp_path, files))
    assert found.state is LocalState.COMPLETE
    assert "router/query_0_Dense/model.safetensors" in found.files
    assert "router/query_0_Dense/pytorch_model.bin" not in found.files


def test_every_kind_of_file_that_a_loader_reads_is_served(tmp_path: Path) -> None:
    read = {
        "chat_template.jinja", "additional_chat_templates/tool_use.jinja", "chat_template.json",
        "generation_config.json", "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json",
        "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "tekken.json",
        "tokenizer.model.v3", "bpe.codes", "prophetnet.tokenizer", "qwen.tiktoken", "source.spm", "params.json",
        "sentencepiece.bpe.model", "config_sentence_transformers.json", "sentence_bert_config.json", "modeling_x.py",
        "decoder_tokenizer/tokenizer_config.json", "decoder_tokenizer/tokenizer.json", "hf_quant_config.json",
    }  # fmt: skip
    left = {
        "README.md", "LICENSE", "LICENSE.txt", "USE_POLICY.md", "requirements.txt", "trainer_state.json",
        "rust_model.ot", "optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state_0.pth",
        "checkpoint-500/config.json", "x.gguf",
        "checkpoint-500/model.safetensors", "openvino/openvino_model.xml", "flax_model.msgpack", "image.png",
        "additional_chat_templates/notes.md", "model.fp16.safetensors", "adapter_model.safetensors", "sparse_linear.pt",
        "events.out.tfevents.1", "adapter_config.json", "global_step5/mp_rank_00_model_states.pt", "latest",
    }  # fmt: skip
    found = read_directory(write(tmp_path, single() | dict.fromkeys(read | left, b"{}")))
    assert found.completeness.problems == ()
    assert found.files.keys() == single().keys() | read
    assert reasons(found).keys() == left
    assert all(reasons(found).values())


def test_code_is_served_with_the_packages_that_it_imports(tmp_path: Path) -> None:
    code = {
        "modeling_x.py": b"import torch\nfrom .layers.attention import A\nfrom .rope import Rope\nfrom . import ops\n",
        "rope.py": b"",
        "layers/__init__.py": b"",
        "layers/attention.py": b"from ..kernels import flash\n",
        "kernels/__init__.py": b"",
        "kernels/deep/flash.py": b"",
        "ops/__init__.py": b"from ...outside import y\n",
    }
    other = {"tests/test_x.py": b"", "scripts/train.py": b"from .layers import x"}
    found = read_directory(write(tmp_path, single() | code | other))
    assert found.files.keys() == single().keys() | code.keys()
    assert reasons(found).keys() == other.keys()


@pytest.mark.parametrize(
    ("files", "taken", "other"),
    [
        ({"model_ema.safetensors": safetensors({"w": b"e" * 500})}, "model.safetensors", "model_ema.safetensors"),
        ({"model_ema.bin": b"small"}, "model.safetensors", "model_ema.bin"),
        ({"ema.pt": b"small"}, "model.safetensors", "ema.pt"),
        ({"finetuned.safetensors": b"f" * 500}, "model.safetensors", "finetuned.safetensors"),
        ({"last.ckpt": b"f" * 500}, "model.safetensors", "last.ckpt"),
        ({"model.safetensors.index.json": sharded()["model.safetensors.index.json"]}, SHARDS[0], "model.safetensors"),
    ],
)
def test_two_candidates_for_the_weights_are_refused(
    tmp_path: Path, files: dict[str, bytes], taken: str, other: str
) -> None:
    shards = {name: content for name, content in sharded().items() if name in SHARDS} if taken == SHARDS[0] else {}
    directory = write(tmp_path / MODEL, single() | shards | files)
    found = read_directory(directory)
    (problem,) = found.completeness.problems
    assert problem.startswith(f"which files are the weights is ambiguous: {taken}")
    assert f"or {other}; move those that are not to be served out of the directory" in problem
    with pytest.raises(WeightsError, match="ambiguous"):
        lock_directory(found)
    with pytest.raises(WeightsError, match="ambiguous"):
        convert(directory)
    (issue,) = resolve([MODEL], tmp_path, WeightsLock()).issues
    assert issue.kind is IssueKind.REFUSED
    (directory / other).unlink()
    assert read_directory(directory).state is LocalState.COMPLETE


@pytest.mark.parametrize("other", ["model_ema.bin", "pytorch_model_ema.bin", "ema.pth", "epoch=3.ckpt", "finetuned.pt"])
def test_two_candidates_for_the_checkpoint_are_refused_before_the_conversion(tmp_path: Path, other: str) -> None:
    content = checkpoint(b"abcd")
    directory = write(tmp_path / MODEL, {"config.json": b"{}", "pytorch_model.bin": content, other: content})
    (issue,) = resolve([MODEL], tmp_path, WeightsLock()).issues
    assert issue.kind is IssueKind.REFUSED
    assert f"ambiguous: pytorch_model.bin, which servers load, or {other}" in "; ".join(issue.reasons)
    assert not (directory / "model.safetensors").exists()
    with pytest.raises(WeightsError, match=f"or {other}"):
        convert(directory)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("config.json", b"{,}", "config.json is not JSON"),
        ("config.json", b"[]", "config.json is not a JSON object"),
        ("config.json", b"[" * 10_000, "config.json is not JSON"),
        ("config.json", POINTER, "config.json is a Git LFS pointer"),
        ("tokenizer_config.json", b"{,}", "tokenizer_config.json is not JSON"),
        ("generation_config.json", b"\xff", "generation_config.json is not JSON"),
        ("config.json", b"\xef\xbb\xbf{}", "config.json is not JSON"),
        ("modules.json", b"{}", "modules.json is not a list of modules"),
        ("modules.json", b"{,}", "modules.json is not JSON"),
        ("modules.json", b'[{"path": 1, "type": "x"}]', "modules.json has an entry without `path` and `type`"),
        ("modules.json", b'[{"path": "../x", "type": "x"}]', "modules.json names '../x', which is outside"),
        ("model.safetensors", POINTER, "model.safetensors cannot be used: it is a Git LFS pointer"),
        ("tokenizer.json", POINTER, "tokenizer.json is a Git LFS pointer, not the file: run `git lfs pull`"),
        ("pytorch_model.bin", POINTER, "pytorch_model.bin is a Git LFS pointer"),
        ("tokenizer.model", POINTER.replace(b"git-lfs", b"hawser"), "tokenizer.model is a Git LFS pointer"),
    ],
)
def test_contents_that_no_loader_accepts_are_refused(tmp_path: Path, path: str, content: bytes, said: str) -> None:
    directory = write(tmp_path / MODEL, single() | {path: content})
    if path == "pytorch_model.bin":
        (directory / "model.safetensors").unlink()
    found = read_directory(directory)
    assert said in "; ".join(found.completeness.problems)
    (issue,) = resolve([MODEL], tmp_path, WeightsLock()).issues
    assert said in "; ".join(issue.reasons)
    assert found.state is not LocalState.COMPLETE


def test_pointer_instead_of_a_checkpoint_is_not_converted(tmp_path: Path) -> None:
    directory = write(tmp_path, {"config.json": b"{}", "pytorch_model.bin": POINTER})
    with pytest.raises(
        WeightsError, match=r"pytorch_model\.bin is a Git LFS pointer, not the file: run `git lfs pull`"
    ):
        convert(directory)


def test_module_wrapper_is_refused(tmp_path: Path) -> None:
    write(tmp_path / MODEL, {"config.json": b"{}", "model.safetensors": safetensors({"module.w": b"x"})})
    (issue,) = resolve([MODEL], tmp_path, WeightsLock()).issues
    assert (issue.kind, "`module.`" in issue.reasons[0]) == (IssueKind.REFUSED, True)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "it has no tokenizer: add tokenizer.json"),
        ({"tokenizer_config.json": b"{}"}, "it has no tokenizer"),
        ({"tokenizer.json": b"{}"}, None),
        ({"tokenizer.model": b"x"}, None),
        ({"tekken.json": b"{}"}, None),
        ({"tokenizer.model.v3": b"x"}, None),
        ({"tokenizer_config.json": b'{"tokenizer_class": "GPT2Tokenizer"}', "vocab.json": b"{}"}, "lacks merges.txt"),
        ({"tokenizer_config.json": b'{"tokenizer_class": "LlamaTokenizerFast"}'}, "lacks tokenizer.model"),
        ({"tokenizer_config.json": b'{"tokenizer_class": "BertTokenizer"}', "vocab.txt": b"x"}, None),
        ({"tokenizer_config.json": b'{"tokenizer_class": "ByT5Tokenizer"}'}, None),
        ({"tokenizer_config.json": b'{"auto_map": {"AutoTokenizer": ["tokenization_x.X", null]}}'}, None),
        ({"config.json": b'{"model_type": "bert", "vocab_size": 9}'}, "it has no tokenizer"),
        ({"config.json": b'{"model_type": "llava", "text_config": {"vocab_size": 9}}'}, "it has no tokenizer"),
        ({"config.json": b'{"model_type": "vit", "architectures": ["ViTModel"]}'}, None),
        ({"config.json": b'{"model_type": "wav2vec2", "architectures": ["Wav2Vec2Model"], "vocab_size": 32}'}, None),
    ],
)
def test_model_that_reads_text_needs_its_tokenizer(tmp_path: Path, files: dict[str, bytes], said: str | None) -> None:
    found = read_directory(write(tmp_path, single() | {"config.json": LLAMA} | files))
    problems = "; ".join(found.completeness.problems)
    assert said in problems if said else problems == ""


def test_checkpoint_index_that_names_absent_files_is_refused(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"w": "pytorch_model-00001-of-00002.bin", "v": "mtp.bin"}}).encode()
    files = {"config.json": b"{}", "pytorch_model-00001-of-00002.bin": checkpoint(b"a")}
    found = read_directory(write(tmp_path, files | {"pytorch_model.bin.index.json": index}))
    assert "pytorch_model.bin.index.json names mtp.bin, which does not exist" in "; ".join(found.refusals)
    found = read_directory(write(tmp_path, {"mtp.bin": checkpoint(b"b")}))
    assert "mtp.bin" in found.checkpoint
    assert found.state is LocalState.CHECKPOINT
