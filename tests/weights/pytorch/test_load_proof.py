"""Whether the load proof, made by transformers, accounts for every tensor of a model and refuses what does not load."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from lisa_weights import disk
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.lock.proofs import Proof, ProofKind
from lisa_weights.model_directory import read_directory
from lisa_weights.proof import child, load
from lisa_weights.proof.load import prove
from lisa_weights.resolve import IssueKind, resolve
from weights.pytorch.architectures import ARCHITECTURES
from weights.pytorch.checkpoints import make, save_tokenizer

UNEXPECTED = {"bert": 2}
"""Tensors in published checkpoints that no model has a parameter for."""
EXPERT = "model.layers.1.block_sparse_moe.experts.2.w1.weight"


def converted(tmp_path: Path, name: str) -> Path:
    directory = tmp_path / "org" / "name"
    make(ARCHITECTURES[name], directory, published=name == "mixtral")
    convert(directory)
    return directory


def change(directory: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    tensors = load_file(directory / "model.safetensors")
    edit(tensors)
    (directory / "pytorch_model.bin").unlink(missing_ok=True)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def load_proof(directory: Path) -> Proof:
    (found,) = [proof for proof in prove(read_directory(directory)) if proof.kind is ProofKind.LOAD]
    return found


@pytest.fixture(autouse=True)
def _with_enough_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other processes leave of this machine's memory does not decide whether small models are compared."""
    monkeypatch.setattr(disk, "available_memory", lambda: None)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make proofs without a child process, which would import PyTorch for each."""
    monkeypatch.setattr(load, "_ask", child.reply)


def test_proof_made_in_a_child_process_accounts_for_every_tensor(tmp_path: Path) -> None:
    found = load_proof(converted(tmp_path, "t5"))
    assert found.is_made, found.detail
    assert found.detail.endswith("0 unexpected")
    assert found.versions["transformers"] == transformers.__version__


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_tensor_of_a_published_checkpoint_is_accounted_for(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "org" / "name"
    make(ARCHITECTURES[name], directory, published=True)
    convert(directory)
    found = load_proof(directory)
    assert found.is_made, found.detail
    unexpected = re.search(r"(\d+) unexpected", found.detail)
    assert unexpected is not None
    assert int(unexpected[1]) == UNEXPECTED.get(name, 0), found.detail


@pytest.mark.usefixtures("in_this_process")
def test_tied_and_unexpected_tensors_are_counted(tmp_path: Path) -> None:
    directory = converted(tmp_path, "llama-tied")
    change(directory, lambda tensors: tensors.update(extra=tensors.pop("lm_head.weight").clone()))
    found = load_proof(directory)
    assert found.detail == "LlamaForCausalLM: 20 tensors loaded, 1 tied, 1 unexpected (extra)"


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("name", "tensor", "shape", "said"),
    [
        ("llama-tied", "model.norm.weight", None, "it lacks model.norm.weight"),
        ("llama-untied", "lm_head.weight", None, "it lacks lm_head.weight"),
        ("llama-tied", "model.layers.1.mlp.up_proj.weight", (3, 3), "has the shape [3, 3] instead of [128, 128]"),
        ("mixtral", EXPERT, None, "model.layers.1.mlp.experts.gate_up_proj"),
        ("mixtral", EXPERT, (3, 3), "model.layers.1.mlp.experts.gate_up_proj"),
    ],
)  # fmt: skip
def test_model_that_does_not_load_is_not_locked(
    tmp_path: Path, name: str, tensor: str, shape: tuple[int, int] | None, said: str
) -> None:
    directory = converted(tmp_path, name)

    def edit(tensors: dict[str, Any]) -> None:
        removed = tensors.pop(tensor)
        if shape is not None:
            tensors[tensor] = removed.new_zeros(shape)

    change(directory, edit)
    resolution = resolve(["org/name"], tmp_path, WeightsLock())
    (issue,) = resolution.issues
    assert issue.kind is IssueKind.REFUSED
    assert said in issue.reasons[0]
    assert resolution.lock.models == {}


@pytest.mark.usefixtures("in_this_process")
def test_config_of_another_model_is_refused(tmp_path: Path) -> None:
    directory = converted(tmp_path, "llama-tied")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(WeightsError, match=r"it lacks model\.layers\.2\..* and 4 more"):
        prove(read_directory(directory))


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "unheard_of"}, "transformers failed: ValueError"),
        ({"architectures": ["UnheardOfForCausalLM"]}, "has no model class 'UnheardOfForCausalLM'"),
        ({"architectures": None}, "config.json names no architecture"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quantized weights need the library"),
    ],
)
def test_proof_that_cannot_be_made_says_why(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    directory = converted(tmp_path, "llama-tied")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | change))
    found = load_proof(directory)
    assert not found.is_made
    assert said in found.detail


def test_code_of_the_model_is_not_run(tmp_path: Path) -> None:
    directory = converted(tmp_path, "llama-tied")
    config = json.loads((directory / "config.json").read_text())
    auto = {"AutoConfig": "configuration_x.X", "AutoModelForCausalLM": "configuration_x.Y"}
    (directory / "config.json").write_text(json.dumps(config | {"model_type": "x", "auto_map": auto}))
    (directory / "configuration_x.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert not load_proof(directory).is_made
    assert not (tmp_path / "ran").exists()


def test_answers_of_checkpoint_and_conversion_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = converted(tmp_path, "llama-tied")
    proofs = {proof.kind: proof for proof in prove(read_directory(directory), generate=True)}
    assert proofs[ProofKind.GENERATE].detail == "8 greedy tokens equal before and after conversion"
    monkeypatch.setattr(load, "_ask", child.reply)
    tensors = load_file(directory / "model.safetensors")
    save_file({name: tensor.flip(0) for name, tensor in tensors.items()}, directory / "model.safetensors")
    with pytest.raises(WeightsError, match=r"differs from its checkpoint, which answers with the tokens \["):
        prove(read_directory(directory), generate=True)


def generate_proof(directory: Path) -> Proof:
    (found,) = [proof for proof in prove(read_directory(directory), generate=True) if proof.kind is ProofKind.GENERATE]
    return found


def trained(directory: Path) -> Any:
    """A model that has learned one text with a tokenizer, so that it is not a random one for the proof."""
    model = ARCHITECTURES["llama-untied"]().train()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    words = tokenizer(load.TEXT, return_tensors="pt").input_ids
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(words, labels=words).loss.backward()
        optimizer.step()
    return model


@pytest.mark.usefixtures("in_this_process")
def test_conversion_that_turns_positions_otherwise_is_refused(tmp_path: Path) -> None:
    """The order of rows that Meta's files have: the same names and shapes, and other answers."""
    directory = converted(tmp_path, "llama-untied")
    assert generate_proof(directory).is_made

    def permute(tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if "q_proj" in name or "k_proj" in name]:
            rows, columns = tensors[name].shape
            tensors[name] = tensors[name].view(4, rows // 8, 2, columns).transpose(1, 2).reshape(rows, columns)

    tensors = load_file(directory / "model.safetensors")
    permute(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, directory / "model.safetensors")
    assert load_proof(directory).is_made
    with pytest.raises(WeightsError, match="differs from its checkpoint"):
        generate_proof(directory)


@pytest.mark.usefixtures("in_this_process")
def test_trained_model_is_told_from_one_with_random_weights(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    save_tokenizer(tmp_path / "tokenizer")
    builders = {"trained": lambda: trained(tmp_path / "tokenizer"), "random": ARCHITECTURES["llama-untied"]}
    for name, build in builders.items():
        make(build, tmp_path / name)
        save_tokenizer(tmp_path / name)
        convert(tmp_path / name)
    found = generate_proof(tmp_path / "trained")
    assert found.is_made, found.detail
    assert re.search(
        r"equal before and after conversion, \d\.\d nats a token .* a uniform guess has 6\.2$", found.detail
    )
    random = generate_proof(tmp_path / "random")
    assert not random.is_made
    assert random.detail.endswith("a uniform guess has 6.2: a model with random weights answers so")
