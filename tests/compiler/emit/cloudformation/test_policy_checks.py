"""`runCdkNag: true` reads every stack, and fails on what nobody has acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from tests.compiler.conftest import Project

REPOSITORIES = [
    {"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}},
    {
        "repositoryId": "search",
        "type": "opensearch",
        "opensearchConfig": {
            "dataNodes": 1,
            "dataNodeInstanceType": "r7g.large.search",
            "masterNodes": 0,
            "masterNodeInstanceType": "r7g.large.search",
            "volumeSize": 20,
        },
    },
]
EVERYTHING = {"runCdkNag": True, "deployRag": True, "ragRepositories": REPOSITORIES}


@pytest.mark.parametrize("removal_policy", ["destroy", "retain"])
def test_nothing_is_unacknowledged(project: Project, removal_policy: str) -> None:
    files = project.write(removalPolicy=removal_policy, **EVERYTHING).compile().files
    assert not any(path.endswith("validation-report.json") for path in files)


def test_checks_do_not_change_the_templates(project: Project) -> None:
    checked = project.write(**EVERYTHING).compile().files
    unchecked = project.write(**{**EVERYTHING, "runCdkNag": False}).compile().files
    assert checked == unchecked


def test_every_stack_is_seen(project: Project, without_acknowledgements: None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        project.write(**EVERYTHING).compile()
    findings = [diagnostic.message for diagnostic in caught.value.diagnostics]
    stacks = {message.split(" at ")[1].split("/")[0] for message in findings}
    acknowledging = {
        "api-base", "api-deployment", "chat", "core", "iam", "model-small", "models-api", "networking", "rag", "serve",
        "ui",
    }  # fmt: skip
    assert stacks == acknowledging
    assert all(diagnostic.code == "LISA481" for diagnostic in caught.value.diagnostics)
