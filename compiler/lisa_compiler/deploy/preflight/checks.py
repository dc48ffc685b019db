"""Every check, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.preflight import checks_account, checks_capacity, checks_network
from lisa_compiler.deploy.preflight.result import Result, Status

if TYPE_CHECKING:
    from lisa_compiler.deploy.preflight.facts import Facts
    from lisa_compiler.deploy.preflight.requirements import Requirements

CHECKS: tuple[Callable[[Requirements, Facts], Iterator[Result]], ...] = (
    checks_capacity.check_quotas,
    checks_capacity.check_zones,
    checks_capacity.check_amis,
    checks_capacity.check_volume_key,
    checks_account.check_service_roles,
    checks_account.check_policies,
    checks_account.check_bootstrap,
    checks_account.check_ledger,
    checks_account.check_keys,
    checks_account.check_stacks,
    checks_account.check_names,
    checks_account.check_models_bucket,
    checks_network.check_network_quotas,
    checks_network.check_load_balancers,
    checks_network.check_endpoints,
    checks_network.check_vpc,
    checks_network.check_certificates,
    checks_network.check_domains,
)
"""What is checked."""


def check(requirements: Requirements, facts: Facts) -> tuple[Result, ...]:
    """Compare what an environment needs with what its account said; the worst results first.

    Raises:
        DeployError: the facts are of another account or region.
    """
    here, there = (requirements.account, requirements.region), (facts.account, facts.region)
    if here != there:
        raise DeployError(
            f"{requirements.environment} deploys to the account {here[0]} in {here[1]}, but the facts are from "
            f"{there[0]} in {there[1]}: export them again."
        )
    found = [result for one in CHECKS for result in one(requirements, facts)]
    order = list(Status)
    return tuple(sorted(found, key=lambda result: order.index(result.status)))
