"""Deployed templates are read as they were submitted."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lisa_compiler.aws.account import Account
from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.aws.errors import DeployError


class Stacks:
    """Stands in for an account whose stacks all have one template."""

    def __init__(self, body: Any) -> None:
        self.body = body

    def client(self, _service: str, _role: str | None) -> Stacks:
        return self

    def get_template(self, **_: str) -> dict[str, Any]:
        return {"TemplateBody": self.body}


def template(body: Any) -> dict[str, Any]:
    return CloudFormation(cast(Account, Stacks(body)), None, None).template("demo-lisa-iam-dev")


@pytest.mark.parametrize(
    "body",
    [
        {"Resources": {"A": {"Version": "2012-10-17"}}},
        '{"Resources": {"A": {"Version": "2012-10-17"}}}',
        '\n{"Resources": {"A": {"Version": "2012-10-17"}}}',
        "Resources:\n  A:\n    Version: 2012-10-17\n",
        'Resources:\n  A:\n    Version: "2012-10-17"\n',
    ],
)
def test_json_and_yaml_are_the_same_template_and_dates_are_text(body: Any) -> None:
    assert template(body) == {"Resources": {"A": {"Version": "2012-10-17"}}}


@pytest.mark.parametrize("body", ["", "text", "Resources: [", "A: !Ref B\n"])
def test_what_lisa_did_not_deploy_is_refused(body: str) -> None:
    with pytest.raises(DeployError, match="The template of demo-lisa-iam-dev is neither JSON nor YAML"):
        template(body)
