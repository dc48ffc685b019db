"""`lisa compile` and the models in `models/`: warned of, locked, pinned, and noticed when they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import configuration

from lisa_weights.safetensors.layout import lay_out
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from weights.model_files import checkpoint, sharded, single, write

from .conftest import Lisa

MODEL = "org/small-model"
LOCAL = f"models/{MODEL}"

pytestmark = pytest.mark.usefixtures("no_stacks")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    amis = {"amiId": "ami-0123456789abcdef0", "gpuAmiId": "ami-0123456789abcdef1"}
    base = configuration(amiConfig=amis)
    names = {"deploymentName": "live", "deploymentStage": "prod"}
    text = yaml.safe_dump({"env": "dev", "base": base, "dev": {}, "prod": names}, sort_keys=False)
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pinned(environment: str = "dev") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"generated/{environment}/weights.json").read_bytes())["models"][MODEL]
    return found


def test_model_that_is_nowhere_is_a_warning_with_its_place(lisa: Lisa, project: Path) -> None:
    result = lisa("compile")
    assert result.code == 0
    assert f"config.yaml:{_line(project, MODEL)}:" in result.err
    assert "warning LISA402 [weights-unstaged]" in result.err
    assert "Run `lisa weights stage --env dev`" in result.err
    assert pinned()["status"] == "unstaged"


def test_nothing_to_do_says_the_warning_again(lisa: Lisa, project: Path) -> None:
    lisa("compile")
    again = lisa("compile")
    assert "is up to date" in again.err
    assert "LISA402" in again.err


def test_strict_makes_it_an_error_and_writes_nothing(lisa: Lisa, project: Path) -> None:
    result = lisa("compile", "--strict")
    assert result.code == 1
    assert "error LISA402" in result.err
    assert not Path("generated/dev").exists()


def test_strict_is_not_satisfied_by_an_earlier_compile(lisa: Lisa, project: Path) -> None:
    lisa("compile")
    assert lisa("compile", "--strict").code == 1


def test_strict_check_fails_although_the_output_is_current(lisa: Lisa, project: Path) -> None:
    lisa("compile", "--all")
    assert lisa("compile", "--all", "--check").code == 0
    result = lisa("compile", "--all", "--check", "--strict", "--format", "json")
    assert result.code == 1
    assert {one["severity"] for one in json.loads(result.out)} == {"error"}


def require_weights(project: Path) -> None:
    """Set `weights.strict` for every environment."""
    path = project / "config.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["base"]["weights"] = {"strict": True}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def test_strict_configuration_rejects_unstaged_weights_at_their_place(lisa: Lisa, project: Path) -> None:
    require_weights(project)
    result = lisa("compile")
    assert result.code == 1
    assert f"config.yaml:{_line(project, MODEL)}:" in result.err
    assert "error LISA408 [weights-required]" in result.err
    assert f"The weights of {MODEL} are not staged" in result.err
    assert "Run `lisa weights stage --env dev`" in result.err
    assert "LISA402" not in result.err
    assert not Path("generated/dev").exists()


def test_strict_configuration_accepts_locked_weights(lisa: Lisa, project: Path) -> None:
    require_weights(project)
    write(Path(LOCAL), single())
    assert lisa("compile").code == 0
    assert lisa("compile", "--check").code == 0
    found = pinned()
    assert (found["status"], found["strict"]) == ("staged", True)
    table = next(Path("generated/dev/containers").glob("*/weights.tsv")).read_text()
    assert table.startswith("# staged")
    assert "strict" not in table


def test_strict_configuration_rejects_an_incomplete_local_model(lisa: Lisa, project: Path) -> None:
    require_weights(project)
    write(Path(LOCAL), sharded())
    next(Path(LOCAL).glob("model-00002*")).unlink()
    result = lisa("compile")
    assert result.code == 1
    assert "LISA403" in result.err
    assert "error LISA408" in result.err


def test_strict_configuration_check_reports_a_local_model_as_outdated(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), single())
    assert lisa("compile").code == 0
    require_weights(project)
    assert lisa("compile").code == 0
    Path("weights.lock.json").unlink()
    result = lisa("compile", "--check")
    assert result.code == 3
    assert "LISA404" in result.err
    assert "LISA408" not in result.err


def test_without_weights_the_container_is_strict(lisa: Lisa, project: Path) -> None:
    require_weights(project)
    assert lisa("compile", "--no-weights").code == 0
    assert (pinned()["status"], pinned()["strict"]) == ("unstaged", True)
    (table,) = Path("generated/dev/containers").glob("*/weights.tsv")
    assert table.read_text() == f"# unstaged {MODEL} strict\n"
    assert "**not staged: will not start**" in Path("generated/dev/SUMMARY.md").read_text()


def test_unstaged_weights_are_a_warning_in_the_summary(lisa: Lisa, project: Path) -> None:
    assert lisa("compile").code == 0
    assert "**not staged: content is not verified**" in Path("generated/dev/SUMMARY.md").read_text()
    assert "strict" not in pinned()


def test_without_weights_nothing_is_asked_for(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), single())
    result = lisa("compile", "--no-weights", "--strict")
    assert result.code == 0
    assert "LISA4" not in result.err
    assert not Path("weights.lock.json").exists()
    assert "is up to date" in lisa("compile", "--no-weights").err
    assert "locked" in lisa("compile").err


def test_local_model_is_locked_and_pinned(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), sharded())
    result = lisa("compile", "--all", "--strict")
    assert result.code == 0, result.err
    assert f"{MODEL}: locked, 6 files" in result.err
    assert result.err.count("locked, ") == 1
    assert pinned() == pinned("prod")
    assert pinned()["status"] == "staged"
    assert set(json.loads(Path("weights.lock.json").read_bytes())["models"]) == {MODEL}
    assert lisa("compile", "--all").err.count("is up to date") == 2
    assert lisa("compile", "--all", "--check", "--strict").code == 0


def test_what_was_locked_is_enough_elsewhere(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), sharded())
    lisa("compile", "--all")
    Path("models").rename("elsewhere")
    assert lisa("compile", "--all", "--check", "--strict").code == 0
    assert "no changes" in lisa("compile").err


def test_change_of_a_local_model_is_noticed(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), single(b"a" * 500))
    lisa("compile")
    before = pinned()
    write(Path(LOCAL), single(b"b" * 500))
    result = lisa("compile")
    assert "locked" in result.err
    assert [file["size"] for file in pinned()["files"]] == [file["size"] for file in before["files"]]
    assert pinned()["files"] != before["files"]


def test_check_tells_of_a_model_that_is_not_locked(lisa: Lisa, project: Path) -> None:
    lisa("compile", "--all")
    write(Path(LOCAL), single())
    result = lisa("compile", "--all", "--check")
    assert result.code == 3
    assert "LISA404" in result.err
    assert "Run `lisa compile --env dev`" in result.err
    assert not Path("weights.lock.json").exists()


def test_checkpoint_is_converted_on_the_way(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd" * 100)})
    result = lisa("compile")
    assert result.code == 0, result.err
    assert f"converting {MODEL}" in result.err
    assert {file["path"] for file in pinned()["files"]} == {"config.json", "model.safetensors"}
    assert pinned()["dtypes"] == {"U8": 1}


def test_checkpoint_that_is_refused_is_an_error_and_leaves_everything(lisa: Lisa, project: Path) -> None:
    lisa("compile")
    before = pinned()
    write(Path(LOCAL), {"config.json": b"{}", "pytorch_model.bin": b"no checkpoint"})
    result = lisa("compile")
    assert result.code == 1
    assert "error LISA405 [weights-invalid]" in result.err
    assert "pytorch_model.bin" in result.err
    assert pinned() == before
    assert not Path("weights.lock.json").exists()


def test_half_a_model_is_a_warning(lisa: Lisa, project: Path) -> None:
    files = sharded()
    del files["model-00002-of-00002.safetensors"]
    write(Path(LOCAL), files)
    result = lisa("compile")
    assert result.code == 0
    assert "warning LISA403" in result.err
    assert "model-00002-of-00002.safetensors cannot be used: it is missing" in result.err
    write(Path(LOCAL), sharded())
    assert "locked" in lisa("compile").err


def test_lock_that_is_damaged_is_an_error(lisa: Lisa, project: Path) -> None:
    Path("weights.lock.json").write_text("{")
    result = lisa("compile")
    assert result.code == 1
    assert "weights.lock.json is not JSON" in result.err


def _line(project: Path, text: str) -> int:
    lines = (project / "config.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def damaged() -> dict[str, bytes]:
    """A model as converter version 1 wrote it: the embedding is a record in the header alone."""
    layout = lay_out(
        [TensorInfo("lm_head.weight", Dtype.U8, (4,), 4)], {"format": "pt", "model.embed.weight": "lm_head.weight"}
    )
    return {"config.json": b"{}", "model.safetensors": layout.head + b"abcd"}


def test_damaged_model_is_an_error_that_names_the_command(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), damaged())
    result = lisa("compile")
    assert result.code == 1
    assert "error LISA406 [weights-damaged]" in result.err
    assert "model.safetensors lacks 'model.embed.weight'" in result.err
    assert f"run `lisa weights convert {LOCAL}`, or run `lisa weights fetch {MODEL}`" in " ".join(result.err.split())


def test_damaged_model_with_its_checkpoint_is_converted_again(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), {**damaged(), "pytorch_model.bin": checkpoint(b"abcd")})
    assert lisa("compile").code == 0
    assert lisa("compile", "--check").code == 0
    assert json.loads(Path("weights.lock.json").read_bytes())["models"][MODEL]["converter"] == 3


def test_model_that_an_older_lisa_locked_is_a_warning_until_it_is_checked(lisa: Lisa, project: Path) -> None:
    write(Path(LOCAL), single())
    assert "LISA407" not in lisa("compile").err
    lock = json.loads(Path("weights.lock.json").read_bytes())
    assert lock["models"][MODEL].pop("converter") == 0
    Path("weights.lock.json").write_text(json.dumps(lock))
    Path("models").rename("gone")
    unchecked = lisa("compile")
    assert unchecked.code == 0
    assert "warning LISA407 [weights-unchecked]" in unchecked.err
    assert "Run `lisa weights stage --env dev`" in unchecked.err
    Path("gone").rename("models")
    assert "LISA407" not in lisa("compile").err
    assert json.loads(Path("weights.lock.json").read_bytes())["models"][MODEL]["converter"] == 0
