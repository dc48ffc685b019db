"""Where a proposal is put into the files, and that nothing else of them changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lisa_compiler.proposals.editing import apply_to_file
from lisa_compiler.proposals.proposal import Proposal, ProposalAction, ProposalError
from lisa_compiler.proposals.yaml_file import YamlFile

ROOT = Path(__file__).parents[3]

CONFIG = """\
# What all share.
env: dev
base:
  ecsModels:
    # Everyone has this one.
    - modelName: org/shared
      modelId: shared
      instanceType: g5.xlarge   # the smallest
dev:
  accountNumber: 012345678901
  ecsModels:
    - modelName: org/first
      modelId: first
      streaming: yes
    # About the second.
    - modelName: org/second
      modelId: second
      autoScalingConfig: {minCapacity: 1, maxCapacity: 2}

  # A section of its own.
  deployChat: false
"""
OVERLAY = """\
ecsModels:
- modelId: 'only'
  modelName: org/only
- modelId: shared
  instanceType: g5.2xlarge

# The end.
"""


def proposal(kind: str, **change: Any) -> Proposal:
    model_id = str(change.get("modelId") or change["modelName"])
    return Proposal(
        "20260101T000000-00000000", ProposalAction(kind), model_id, "ada", "2026-01-01T00:00:00Z", "pending", change
    )


def edit(folder: Path, kind: str, *, environment: str = "dev", **change: Any) -> YamlFile:
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "environments").mkdir(exist_ok=True)
    (folder / "environments/prod.yaml").write_text(OVERLAY, encoding="utf-8")
    return apply_to_file(folder, environment, proposal(kind, **change))


def changed_lines(file: YamlFile) -> list[str]:
    """The lines of the diff that are removed or added."""
    lines = [line for line in file.diff().splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert file.after() == yaml_after(file)
    return lines


def yaml_after(file: YamlFile) -> str:
    """The text, after a look that other readers of YAML take it."""
    yaml.safe_load(file.after())
    return file.after()


@pytest.mark.parametrize("path", ["config.yaml", "environments/prod.yaml", "environments/airgap.yaml"])
def test_an_unchanged_file_stays_byte_for_byte(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    file = YamlFile(path, text)
    assert file.after() == text
    assert file.diff() == ""


def test_a_new_model_is_added_at_the_end_of_the_list_before_the_next_section(tmp_path: Path) -> None:
    file = edit(tmp_path, "create", modelName="org/new", containerConfig={"image": {"baseImage": "x:1"}}, tags=["a"])
    assert file.path == "config.yaml"
    assert changed_lines(file) == [
        "+    - modelName: org/new",
        "+      containerConfig:",
        "+        image:",
        "+          baseImage: x:1",
        "+      tags:",
        "+        - a",
    ]
    assert file.after().index("org/new") < file.after().index("# A section of its own.")


def test_a_new_model_goes_into_the_overlay_where_there_is_one_in_its_style(tmp_path: Path) -> None:
    file = edit(tmp_path, "create", environment="prod", modelName="org/new", deploy=True)
    assert file.path == "environments/prod.yaml"
    assert changed_lines(file) == ["+- modelName: org/new", "+  deploy: true"]
    assert file.after().endswith("\n# The end.\n")


def test_an_environment_without_a_file_of_its_own_gets_one(tmp_path: Path) -> None:
    file = edit(tmp_path, "create", environment="new", modelName="org/new")
    assert file.path == "environments/new.yaml"
    assert file.diff().startswith("--- /dev/null\n+++ b/environments/new.yaml\n")
    assert yaml.safe_load(file.after()) == {"ecsModels": [{"modelName": "org/new"}]}


def test_a_change_is_made_in_place(tmp_path: Path) -> None:
    file = edit(tmp_path, "update", modelName="org/second", modelId="second", autoScalingConfig={"maxCapacity": 4})
    assert changed_lines(file) == [
        "-      autoScalingConfig: {minCapacity: 1, maxCapacity: 2}",
        "+      autoScalingConfig: {minCapacity: 1, maxCapacity: 4}",
    ]


def test_a_new_key_comes_before_the_comment_of_the_next_entry(tmp_path: Path) -> None:
    file = edit(tmp_path, "update", modelName="org/first", modelId="first", instanceType="g5.xlarge")
    assert changed_lines(file) == ["+      instanceType: g5.xlarge"]
    assert "instanceType: g5.xlarge\n    # About the second.\n" in file.after()


def test_null_removes_a_key_that_no_other_layer_has(tmp_path: Path) -> None:
    file = edit(tmp_path, "update", modelName="org/first", modelId="first", streaming=None)
    assert changed_lines(file) == ["-      streaming: yes"]


def test_null_stays_where_a_layer_below_may_have_the_key(tmp_path: Path) -> None:
    file = edit(tmp_path, "update", environment="prod", modelName="org/shared", modelId="shared", instanceType=None)
    assert changed_lines(file) == ["-  instanceType: g5.2xlarge", "+  instanceType:"]


def test_a_model_that_all_share_is_changed_for_one_environment(tmp_path: Path) -> None:
    file = edit(tmp_path, "update", modelName="org/shared", modelId="shared", instanceType="g5.4xlarge")
    assert changed_lines(file) == [
        "+    - modelName: org/shared",
        "+      modelId: shared",
        "+      instanceType: g5.4xlarge",
    ]


def test_a_model_of_one_file_is_taken_out_of_it(tmp_path: Path) -> None:
    file = edit(tmp_path, "delete", modelName="org/first", modelId="first", deploy=False)
    assert changed_lines(file) == ["-    - modelName: org/first", "-      modelId: first", "-      streaming: yes"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "ecsModels:\n  # The one.\n  - modelName: org/one\n\n# The end.\nlogLevel: INFO\n",
            "\n# The end.\nlogLevel: INFO\n",
        ),
        ("logLevel: INFO\necsModels:\n  - modelName: org/one\n\n# The end.\n", "logLevel: INFO\n\n# The end.\n"),
        ("ecsModels:\n  - modelName: org/one\n", ""),
    ],
)
def test_the_only_model_of_a_file_is_taken_out_with_its_key(tmp_path: Path, before: str, after: str) -> None:
    overlay = tmp_path / "environments/one.yaml"
    overlay.parent.mkdir()
    overlay.write_text(before, encoding="utf-8")
    file = edit(tmp_path, "delete", environment="one", modelName="org/one", deploy=False)
    assert file.after() == after


def test_the_section_after_a_model_that_is_taken_out_stays(tmp_path: Path) -> None:
    file = edit(tmp_path, "delete", modelName="org/second", modelId="second", deploy=False)
    assert "\n\n  # A section of its own.\n  deployChat: false\n" in file.after()
    assert "About the second" not in file.after()


def test_a_model_that_all_share_is_not_deployed_in_one_environment(tmp_path: Path) -> None:
    file = edit(tmp_path, "delete", environment="prod", modelName="org/shared", modelId="shared", deploy=False)
    assert changed_lines(file) == ["+  deploy: false"]


@pytest.mark.parametrize("model_id", ["first", "shared"])
def test_a_model_that_is_there_already_is_not_created(tmp_path: Path, model_id: str) -> None:
    with pytest.raises(ProposalError, match=r"is already in config\.yaml"):
        edit(tmp_path, "create", modelName="org/x", modelId=model_id)


@pytest.mark.parametrize("kind", ["update", "delete"])
def test_a_model_that_is_nowhere_is_not_changed(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ProposalError, match="is not configured"):
        edit(tmp_path, kind, modelName="org/none", deploy=False)


@pytest.mark.parametrize("text", ["a: [", "- a\n", "a: 1\na: 2\n"])
def test_a_file_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ProposalError, match=r"environments/dev\.yaml"):
        YamlFile("environments/dev.yaml", text)
