"""The intake report: every finding that a reviewer needs, and documents that their formats' programs accept."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tests.compiler.conftest import configuration
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_weights.errors import WeightsError
from lisa_weights.intake.provenance import cyclonedx_bom, slsa_statement
from lisa_weights.intake.rendering import as_document, as_markdown
from lisa_weights.intake.report import IntakeReport, examine, report_of_entry
from lisa_weights.intake.tensor_values import TensorFinding, check_values
from lisa_weights.lock import lock_file
from lisa_weights.lock.lock_file import LockedModel, SourceKind, WeightsLock
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.safetensors.layout import lay_out
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from lisa_weights.steps import no_progress
from weights.adapter_files import adapter
from weights.checkpoint_files import written
from weights.model_files import checkpoint, single, write

MODEL = "org/model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def stored(tensors: dict[str, tuple[Dtype, bytes]]) -> bytes:
    infos = [
        TensorInfo(name, dtype, (8 * len(data) // dtype.bits,), len(data)) for name, (dtype, data) in tensors.items()
    ]
    layout = lay_out(infos, {"format": "pt"})
    return layout.head + b"".join(tensors[info.name][1] for info, _ in layout.places)


def locked(directory: Path, **fields: Any) -> LockedModel:
    return lock_directory(read_directory(directory), **fields)


def report(directory: Path, **fields: Any) -> IntakeReport:
    return examine(MODEL, directory, locked(directory, **fields), no_progress)


SMALL = {**single(), "tokenizer.json": b"{}"}
FULL = {
    **SMALL,
    "config.json": json.dumps(
        {
            "architectures": ["XForCausalLM"],
            "model_type": "x",
            "auto_map": {"AutoModel": "modeling_x.XModel", "AutoTokenizer": [None, "org/other--tokenization_x.T"]},
            "max_position_embeddings": 4096,
            "quantization_config": {"quant_method": "gptq"},
        }
    ).encode(),
    "README.md": b"---\nlanguage: en\nlicense: apache-2.0\ntags: [x]\n---\n# Model\n",
    "LICENSE.txt": b"Apache",
    "modeling_x.py": b"import torch\n",
    "setup.py": b"",
    "tokenizer_config.json": json.dumps({"chat_template": "{{ messages }}"}).encode(),
}


def test_report_has_what_a_reviewer_needs(tmp_path: Path) -> None:
    directory = write(tmp_path / "m", FULL)
    found = report(directory, kind=SourceKind.HUB, revision=COMMIT)
    assert (found.license.name, found.license.files) == ("apache-2.0", ("LICENSE.txt",))
    assert (found.architectures, found.model_type, found.quantization) == (("XForCausalLM",), "x", "gptq")
    assert found.context_length == 4096
    assert [(each.file.path, each.is_named) for each in found.code] == [("modeling_x.py", True), ("setup.py", False)]
    assert [each.path for each in found.chat_templates] == ["tokenizer_config.json"]
    assert (found.mismatches, found.pickles, found.values) == ((), (), ())
    text = as_markdown(found)
    for part in (
        COMMIT,
        "apache-2.0",
        "`XForCausalLM`",
        "**2 Python files**",
        "match the lock file",
    ):
        assert part in text
    assert found.locked.files[0].sha256 in text


def test_changed_file_is_reported(tmp_path: Path) -> None:
    directory = write(tmp_path / "m", FULL)
    entry = locked(directory)
    (directory / "modeling_x.py").write_text("import evil\n")
    found = examine(MODEL, directory, entry, no_progress)
    assert found.mismatches == ("modeling_x.py does not match the lock file",)
    assert "**Differs from the lock file:** modeling\\_x.py" in as_markdown(found)


def test_pickles_are_read_without_running_them(tmp_path: Path) -> None:
    directory = write(tmp_path / "m", {**SMALL, "old/extra.bin": checkpoint(b"abcd")})
    written(directory / "old", b"\x80\x02cposix\nsystem\n(X\x01\0\0\0atR.", file="evil.pt")
    good, evil = sorted(report(directory).pickles, key=lambda each: each.problem is not None)
    assert (good.path, good.problem, good.tensors) == ("old/extra.bin", None, 1)
    assert (evil.path, evil.tensors) == ("old/evil.pt", 0)
    assert evil.problem is not None
    assert "it imports 'posix.system'" in evil.problem


VALUES = {
    "f64": (Dtype.F64, np.array([1, np.nan, np.inf, -np.inf], "<f8").tobytes(), (1, 2, False)),
    "f32": (Dtype.F32, np.array([1, np.nan, np.nan, -np.inf], "<f4").tobytes(), (2, 1, False)),
    "f16": (Dtype.F16, np.array([1, np.nan, np.inf, 65504], "<f2").tobytes(), (1, 1, False)),
    "c64": (Dtype.C64, np.array([complex(1, float("nan")), 1], "<c8").tobytes(), (1, 0, False)),
    "bf16": (Dtype.BF16, bytes.fromhex("803f c07f 807f 80ff"), (1, 2, False)),
    "e5m2": (Dtype.F8_E5M2, bytes.fromhex("3c 7c fc 7d"), (1, 2, False)),
    "e4m3": (Dtype.F8_E4M3, bytes.fromhex("38 7f ff 7e"), (2, 0, False)),
    "e8m0": (Dtype.F8_E8M0, bytes.fromhex("7f ff 00 00"), (1, 0, False)),
    "fnuz": (Dtype.F8_E4M3FNUZ, bytes.fromhex("38 80 7f ff"), (1, 0, False)),
    "zeros": (Dtype.F32, np.array([0, -0.0], "<f4").tobytes(), (0, 0, True)),
    "zero integers": (Dtype.I64, bytes(32), (0, 0, True)),
    "zero bytes of four bits": (Dtype.F4, bytes(4), (0, 0, True)),
}
GOOD = {
    "good f32": (Dtype.F32, np.array([1, 0, 3.4e38], "<f4").tobytes()),
    "good integers": (Dtype.I32, b"\xff" * 8),
    "one zero": (Dtype.F32, bytes(4)),
    "good e4m3": (Dtype.F8_E4M3, bytes.fromhex("38 7e")),
    "good scales": (Dtype.F8_E8M0, bytes(4)),
    "empty": (Dtype.F32, b""),
}


def test_nan_infinity_and_zeros_are_found_in_every_type(tmp_path: Path) -> None:
    tensors = {**{name: value[:2] for name, value in VALUES.items()}, **GOOD}
    write(tmp_path, {"model.safetensors": stored(tensors)})
    found = check_values(tmp_path, ["model.safetensors"], lambda _file, _count: None)
    assert {each.name: (each.nan, each.infinite, each.is_zero) for each in found} == {
        name: value[2] for name, value in VALUES.items()
    }


def test_values_are_counted_across_blocks_and_progress_is_told(tmp_path: Path) -> None:
    data = np.ones(3 << 20, "<f4")
    data[[0, 1 << 20, -1]] = np.nan
    write(tmp_path, {"model.safetensors": stored({"w": (Dtype.F32, data.tobytes())})})
    told: list[int] = []
    (found,) = check_values(tmp_path, ["model.safetensors"], lambda _file, count: told.append(count))
    assert found == TensorFinding("model.safetensors", "w", 3, 0, False)
    assert sum(told) == data.nbytes


def test_without_numpy_values_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    found = report(write(tmp_path / "m", SMALL))
    assert found.values is None
    assert "Values of tensors are unknown: install numpy" in as_markdown(found)


@pytest.mark.parametrize("files", [FULL, SMALL])
@pytest.mark.parametrize("revision", [COMMIT, None])
def test_bom_is_valid_cyclonedx(tmp_path: Path, files: dict[str, bytes], revision: str | None) -> None:
    kind = SourceKind.HUB if revision else SourceKind.LOCAL
    found = report(write(tmp_path / "m", files), kind=kind, revision=revision)
    bom = cyclonedx_bom(found)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    assert {each["hashes"][0]["content"] for each in bom["components"]} == {file.sha256 for file in found.locked.files}
    if files is FULL:
        assert bom["metadata"]["component"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_license_that_spdx_does_not_have_is_a_name(tmp_path: Path) -> None:
    readme = b"---\nlicense: other\nlicense_name: llama3.1\nlicense_link: https://example.org/license\n---\n"
    found = report(write(tmp_path / "m", {**SMALL, "README.md": readme}))
    assert (found.license.name, found.license.link) == ("llama3.1", "https://example.org/license")
    bom = cyclonedx_bom(found)
    assert bom["metadata"]["component"]["licenses"] == [{"license": {"name": "llama3.1"}}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None


def test_statement_binds_the_commit_and_the_checkpoint_to_the_files(tmp_path: Path) -> None:
    directory = write(tmp_path / "m", {**SMALL, "pytorch_model.bin": checkpoint(b"abcd")})
    found = report(directory, kind=SourceKind.HUB, revision=COMMIT, converter=2)
    statement = slsa_statement(found)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {each["name"]: each["digest"]["sha256"] for each in statement["subject"]} == {
        file.path: file.sha256 for file in found.locked.files
    }
    definition = statement["predicate"]["buildDefinition"]
    commit, source = definition["resolvedDependencies"]
    assert commit == {"uri": f"pkg:huggingface/org/model@{COMMIT}", "digest": {"gitCommit": COMMIT}}
    assert source["name"] == "pytorch_model.bin"
    assert source["digest"]["sha256"] == hashlib.sha256((directory / "pytorch_model.bin").read_bytes()).hexdigest()
    assert definition["internalParameters"] == {"converter": 2, "proofs": []}
    assert as_document(found)["provenance"] == statement


def test_texts_of_a_model_do_not_become_markup(tmp_path: Path) -> None:
    readme = b"---\nlicense: <img src=x> [a](http://b) |\n---\n"
    config = json.dumps({"architectures": ["a`|<b>"], "model_type": "x\n# heading"}).encode()
    text = as_markdown(report(write(tmp_path / "m", {**SMALL, "config.json": config, "README.md": readme})))
    assert "<img" not in text.replace("\\<img", "")
    assert "\n# heading" not in text
    assert "`a'\\|<b>`" in text


def test_report_command_writes_all_formats(tmp_path: Path) -> None:
    directory = write(tmp_path / "models" / MODEL, FULL)
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels="models-bucket")}), encoding="utf-8"
    )
    lock_file.save(tmp_path / lock_file.LOCK_FILE, WeightsLock().with_model(MODEL, locked(directory)))
    arguments = ["weights", "report", MODEL, "--project", str(tmp_path)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("# Intake report: `org/model`")
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert document["bom"]["bomFormat"] == "CycloneDX"
    done = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path / "intake")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "intake").iterdir()} == {
        "report.md", "report.json", "provenance.intoto.json", "bom.cdx.json",
    }  # fmt: skip
    (directory / "setup.py").write_text("changed")
    assert CliRunner().invoke(app, arguments).exit_code == 1


def test_model_that_is_not_on_the_disk(tmp_path: Path) -> None:
    entry = locked(write(tmp_path / "m", SMALL))
    with pytest.raises(WeightsError, match="Run `lisa weights download org/model` first"):
        examine(MODEL, tmp_path / "absent", entry, no_progress)


def test_report_of_the_lock_alone_says_what_is_unknown(tmp_path: Path) -> None:
    entry = locked(write(tmp_path / "m", FULL), kind=SourceKind.HUB, revision=COMMIT)
    text = as_markdown(report_of_entry(MODEL, entry))
    assert "**The files were not read: models/ does not have the model.**" in text
    assert f"run `lisa weights download {MODEL}` and `lisa weights report {MODEL}`" in text
    for row in ("| License | unknown |", "| License texts | unknown |", "| Quantization | unknown |"):
        assert row in text
    assert COMMIT in text
    assert f"| `modeling_x.py` | 13 | unknown | `{hashlib.sha256(FULL['modeling_x.py']).hexdigest()}` |" in text
    for claim in ("match the lock file", "No license is stated", "No tensor has NaN", "install numpy"):
        assert claim not in text
    document = as_document(report_of_entry(MODEL, entry))
    assert document["is_read"] is False
    assert document["provenance"]["subject"] == slsa_statement(report(tmp_path / "m", kind=SourceKind.HUB))["subject"]


def test_report_of_an_adapter_has_its_base_and_rank(tmp_path: Path) -> None:
    text = as_markdown(report(write(tmp_path / "a", adapter())))
    assert "| Form | LoRA adapter |" in text
    assert "| Base model | acme/base-model |" in text
    assert "| Rank | 4 |" in text


def test_command_reports_each_model_that_the_lock_file_changes(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    text = yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels="models-bucket")})
    (project / "config.yaml").write_text(text, encoding="utf-8")
    same, old, new = (locked(write(tmp_path / name, single(name.encode()))) for name in ("same", "old", "new"))
    lock = project / lock_file.LOCK_FILE
    lock_file.save(lock, WeightsLock({"org/same": same, "org/changed": old}))
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "a")):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(project), *identity, *command], check=True, capture_output=True)
    lock_file.save(lock, WeightsLock({"org/same": same, "org/changed": new, "org/new": old}))
    output = tmp_path / "reports"
    arguments = ["weights", "report", "--changed-since", "HEAD", "--output", str(output), "--project", str(project)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in output.iterdir()) == ["org--changed", "org--new"]
    assert new.files[0].sha256 in (output / "org--changed" / "report.md").read_text()
    assert CliRunner().invoke(app, [*arguments[:4], "--project", str(project)]).exit_code == 2
    assert CliRunner().invoke(app, ["weights", "report", "--project", str(project)]).exit_code == 2
