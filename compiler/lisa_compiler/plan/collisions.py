"""Names that two environments of a project would both create: the second deployment of them fails.

Environments are compared by the names that their configurations decide. Names within one environment cannot collide:
rules of lisa_schema compare its models and repositories.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from lisa_compiler.plan.names import Names
from lisa_compiler.plan.planner import names_of
from lisa_compiler.plan.provenance import bare
from lisa_schema.artifact_diagnostics import ENVIRONMENTS_COLLIDE
from lisa_schema.document import key_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lisa_compiler.project.project import ValidEnvironment
    from lisa_schema.diagnostics import Diagnostic
    from lisa_schema.document import Path
    from lisa_schema.models import Config

_SHOWN: Final = 3
_SCOPE: Final[tuple[Path, ...]] = (("deploymentName",), ("appName",), ("deploymentStage",))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A name that an environment creates.

    Attributes:
        kind: what has it.
        name: the name.
        place: where it must be unique: an account and Region, a VPC, or everywhere.
        keys: keys that decide it, the first of which is reported.
    """

    kind: str
    name: str
    place: tuple[str, ...]
    keys: tuple[Path, ...]


def find_collisions(
    environments: Sequence[ValidEnvironment], others: Sequence[ValidEnvironment] = ()
) -> list[Diagnostic]:
    """Report each pair of environments that claim the same name, at the later one.

    Args:
        environments: the environments that are compiled or validated.
        others: further environments of the project, which are compared with those.
    """
    claims = {one.name: {(c.kind, c.name, c.place): c for c in _claims(one.config)} for one in (*others, *environments)}
    pairs = [*combinations(environments, 2), *((other, one) for other in others for one in environments)]
    found = []
    for first, second in pairs:
        shared = [claim for key, claim in claims[second.name].items() if key in claims[first.name]]
        if shared:
            found.append(_collision(first, second, shared))
    return found


def _collision(first: ValidEnvironment, second: ValidEnvironment, shared: Sequence[_Claim]) -> Diagnostic:
    by_keys: dict[tuple[Path, ...], list[_Claim]] = defaultdict(list)
    for claim in shared:
        by_keys[claim.keys].append(claim)
    named = [f"{claim.kind} `{claim.name}`" for claim in shared[:_SHOWN]]
    more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
    keys = list(dict.fromkeys(key for claim in shared for key in claim.keys))
    message = (
        f"{second.name} claims the names of {first.name} ({first.document.origin(keys[0])}): "
        f"{', '.join(named)}{more}. The second of them cannot be deployed."
    )
    # One change must end all: what every name depends on.
    common = [key for key in keys if all(key in claim.keys for claim in shared)]
    fix = " and ".join(
        f"change {' or '.join(f'`{key_path(key)}`' for key in group)}" for group in ([common] if common else by_keys)
    )
    return ENVIRONMENTS_COLLIDE.at(
        second.document.origin(keys[0]),
        message,
        key_path=key_path(keys[0]),
        fix=f"In one of the environments, {fix}.",
    )


def _claims(config: Config) -> Iterator[_Claim]:
    names = names_of(config)
    place = (bare(names.account), bare(names.region))
    own: tuple[tuple[str, str, tuple[str, ...], tuple[Path, ...]], ...] = (
        ("ECS cluster", names.cluster("rest-api"), place, _SCOPE),
        ("stack", names.stack("networking"), place, _SCOPE),
        ("DynamoDB table", names.token_table, place, (("deploymentName",),)),
        ("parameters", names.prefix, place, (("deploymentPrefix",), *_SCOPE)),
        ("bucket", names.bucket("access-logs"), (), _SCOPE),
        *_optional(config, names, place),
    )
    for kind, name, where, keys in own:
        yield _Claim(kind=kind, name=bare(name), place=where, keys=keys)


def _optional(
    config: Config, names: Names, place: tuple[str, ...]
) -> Iterator[tuple[str, str, tuple[str, ...], tuple[Path, ...]]]:
    if config.deploy_rag:
        yield "bucket", names.documents_bucket, (), (("deploymentName",), ("deploymentStage",))
    if config.vpc is not None:
        yield "private zone", names.private_zone, (bare(config.vpc.vpc_id),), (("deploymentName",), ("vpc", "vpcId"))
    balancer = config.rest_api_config.load_balancer_config
    if balancer.domain_name and balancer.hosted_zone_id:
        key: Path = ("restApiConfig", "loadBalancerConfig", "domainName")
        yield "record", balancer.domain_name, (bare(balancer.hosted_zone_id),), (key,)
    api = config.api_gateway_config
    if api is not None and api.domain_name and api.certificate_arn:
        # API Gateway has one custom domain name of each name in a Region, for all accounts.
        yield "custom domain name", api.domain_name, (place[1],), (("apiGatewayConfig", "domainName"),)
