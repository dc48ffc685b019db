"""Every role allows what its programs call, in every environment, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from permissions.declared_calls import programs
from permissions.deployed import Deployed
from permissions.evaluation import Document, Policies, Request, is_allowed
from permissions.role import Role
from permissions.role_check import Universe, ask, decisions, sample, wording
from permissions.users import users

SERVICES = ("apigateway", "ec2", "ecs-tasks", "lambda", "monitoring.rds", "vpc-flow-logs")
SENDS_ACCOUNT = ("ecs-tasks", "vpc-flow-logs")
"""Services that say for which account they act."""


def test_roles_allow_what_is_declared_and_nothing_else(universe: Universe) -> None:
    found = [
        difference
        for role in universe.deployed.roles
        for difference in (*wording(role, universe.needs[role.place]), *decisions(universe, role))
    ]
    assert found == []
    assert sum(map(len, universe.needs.values())) > 70


def test_every_role_has_one_program_and_a_user(universe: Universe) -> None:
    for role in universe.deployed.roles:
        assert [program.name for program in programs() if program.has(role)][1:] == [], role.place
        assert any(program.has(role) for program in programs()), role.place
        assert users(universe.deployed, role), role.place


def test_managed_policies_have_reasons(universe: Universe) -> None:
    for role in universe.deployed.roles:
        (program,) = (one for one in programs() if one.has(role))
        names = {arn.partition(":policy/")[2] for arn in role.managed}
        assert names == program.managed.keys(), role.place


def test_roles_trust_their_service_alone(universe: Universe) -> None:
    deployed = universe.deployed

    def trusts(role: Role, service: str, account: str) -> bool:
        """Whether a service may assume a role, for a resource of an account."""
        request = Request(
            principal=f"{service}.amazonaws.com",
            action="sts:AssumeRole",
            on=role.arn,
            account=deployed.account,
            context={"aws:SourceAccount": account},
        )
        return is_allowed(Policies(identity=[], resource=_named_as_everywhere(deployed, role.trust)), request)

    for role in deployed.roles:
        (program,) = (one for one in programs() if one.has(role))
        assert [one for one in SERVICES if trusts(role, one, deployed.account)] == [program.principal], role.place
        assert trusts(role, program.principal, "999999999999") == (program.principal not in SENDS_ACCOUNT), role.place


def _named_as_everywhere(deployed: Deployed, trust: Document) -> Document:
    """A trust policy with the services' names of commercial Regions, the only ones that the evaluation knows."""
    statements = [
        {**one, "Principal": {"Service": f"{_service(deployed, one['Principal']['Service'])}.amazonaws.com"}}
        for one in trust["Statement"]
    ]
    return {**trust, "Statement": statements}


def _service(deployed: Deployed, principal: str) -> str:
    return principal.removesuffix(".amazonaws.com").removesuffix(f".{deployed.suffix}")


@pytest.mark.parametrize("universe", ["prod"], indirect=True)
def test_boundary_limits_a_role(universe: Universe) -> None:
    bounded = [role for role in universe.deployed.roles if fnmatchcase(role.place, "model-*/TaskRole")]
    assert len(bounded) == 3
    no_weights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}
    for role in bounded:
        assert role.boundary
        for need in universe.needs[role.place]:
            request = (need.action, sample(need.on))
            context = {key: sample(value) for key, value in need.context.items()}
            assert ask(universe.deployed, role, request, context=context)
            assert not ask(universe.deployed, role, request, context=context, boundary=no_weights)
