"""Permissions to read the secrets and parameters that the configuration refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.plan.provenance import bare, following
from lisa_schema.arns import parse_arn, secret_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_schema.arns import SecretReference


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
    places = {(bare(deployment.names.account), bare(deployment.names.region))} if named else set()
    for text in references:
        reference = secret_reference(bare(text))
        if reference is None:
            continue
        places.add((reference.arn.account, reference.arn.region))
        into = secrets if reference.is_secret else parameters
        into += [one for one in _resources(reference, text) if one not in into]
    statements = []
    if secrets:
        statements.append(allow("secretsmanager:GetSecretValue", sorted(secrets)))
    if parameters:
        statements.append(allow("ssm:GetParameters", parameters))
    return statements + _decrypt(stack, places)


def _resources(reference: SecretReference, text: str) -> list[str]:
    """The resources of a reference, which carry the keys of its text; the text itself where it is one of them."""
    return [text if resource == bare(text) else following(resource, text) for resource in reference.resources]


def _decrypt(stack: LisaStack, places: set[tuple[str, str]]) -> list[Statement]:
    keys: dict[str, str] = {}
    for text in stack.deployment.config.secret_key_arns:
        arn = parse_arn(bare(text))
        if arn is not None and (arn.account, arn.region) in places:
            keys[text] = arn.region
    if not keys:
        return []
    suffix = stack.deployment.region.partition.dns_suffix
    via = [f"{service}.{name}.{suffix}" for name in sorted(set(keys.values())) for service in ("secretsmanager", "ssm")]
    return [allow("kms:Decrypt", list(keys), when={"StringEquals": {"kms:ViaService": via}})]
