"""Permissions to read the secrets and parameters that the configuration refers to."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.plan.provenance import bare, following
from lisa_schema.arns import parse_arn, secret_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_schema.arns import SecretReference

    _Place = tuple[str, str]

_SECRETS, _PARAMETERS = "secretsmanager", "ssm"


def read_secrets(stack: LisaStack, references: Sequence[str], named: Sequence[str] = ()) -> list[Statement]:
    """Statements that permit reading secrets, and decrypting them with the keys of `secretKeyArns`.

    Args:
        stack: the stack of the role.
        references: ARNs of secrets and parameters, also with JSON key, version stage and version ID, in order.
        named: names of secrets in the deployment's account and Region, without their six random characters.
    """
    deployment = stack.deployment
    secrets = [deployment.arn("secretsmanager", f"secret:{name}-??????") for name in named]
    parameters: list[str] = []
    readers: dict[_Place, set[str]] = defaultdict(set)
    if named:
        readers[bare(deployment.names.account), bare(deployment.names.region)].add(_SECRETS)
    for text in references:
        reference = secret_reference(bare(text))
        if reference is None:
            continue
        place = (reference.arn.account, reference.arn.region)
        readers[place].add(_SECRETS if reference.is_secret else _PARAMETERS)
        into = secrets if reference.is_secret else parameters
        into += [one for one in _resources(reference, text) if one not in into]
    statements = []
    if secrets:
        statements.append(allow("secretsmanager:GetSecretValue", sorted(secrets)))
    if parameters:
        statements.append(allow("ssm:GetParameters", parameters))
    return statements + _decrypt(stack, readers)


def _resources(reference: SecretReference, text: str) -> list[str]:
    """The resources of a reference, which carry the keys of its text; the text itself where it is one of them."""
    return [text if resource == bare(text) else following(resource, text) for resource in reference.resources]


def _decrypt(stack: LisaStack, readers: Mapping[_Place, set[str]]) -> list[Statement]:
    """Statements for the keys: each key through the services alone that read secrets or parameters of its place."""
    keys: dict[tuple[str, ...], list[str]] = defaultdict(list)
    suffix = stack.deployment.region.partition.dns_suffix
    for text in stack.deployment.config.secret_key_arns:
        arn = parse_arn(bare(text))
        if arn is not None and (services := readers.get((arn.account, arn.region))):
            keys[tuple(f"{service}.{arn.region}.{suffix}" for service in sorted(services))].append(text)
    return [
        allow("kms:Decrypt", found, when={"StringEquals": {"kms:ViaService": list(via)}}) for via, found in keys.items()
    ]
