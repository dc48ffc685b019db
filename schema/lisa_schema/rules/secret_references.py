"""Rules about references to secrets and parameters: their form, and what another account or Region requires."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.arns import SecretReference, parse_arn, secret_reference
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services


@rule("LISA349", "secret-reference-form", "Copy the ARN from the console of Secrets Manager or Parameter Store.")
def secret_reference_form(config: Config) -> Iterator[RuleViolation]:
    """The ARN of a secret or parameter in an environment must have a form that ECS accepts."""
    for path, reference in _references(config):
        if reference.problem:
            yield RuleViolation(path, reference.problem, reference.fix)
    for index, text in _database_secrets(config):
        secret = secret_reference(text)
        at: Path = ("ragRepositories", index, "rdsConfig", "passwordSecretId")
        if text.startswith("arn:") and (secret is None or not secret.is_secret):
            message = "`passwordSecretId` must be the name or the ARN of a Secrets Manager secret."
            yield RuleViolation(at, message, "Write the ARN of the secret with the password.")
        elif secret is not None and secret.problem:
            yield RuleViolation(at, secret.problem, secret.fix)
        elif secret is not None and secret.selector:
            message = "JSON key and version are not accepted here; the RAG function reads `password`."
            fix = f"Write `{secret.arn.stem}secret:{secret.name}`."
            yield RuleViolation(at, message, fix)
    for name, value in config.litellm_config.environment_variables.items():
        if secret_reference(value) is not None:
            message = f"`{name}` would have the ARN as its value: LiteLLM does not resolve it."
            fix = f"Move it to restApiConfig.containerConfig.environment.{name}, which ECS resolves."
            yield RuleViolation(("litellmConfig", "environment_variables", name), message, fix)


@rule(
    "LISA358",
    "secret-elsewhere",
    "Permit the role in the resource policy of the secret and in the policy of its key, and list it in secretKeyArns.",
    Severity.WARNING,
)
def secret_elsewhere(config: Config) -> Iterator[RuleViolation]:
    """A secret of another account or Region requires a resource policy and a KMS key that permit its use."""
    for path, reference in _references(config):
        if not reference.problem:
            yield from _elsewhere(config, path, reference, "the execution role")
    for index, text in _database_secrets(config):
        database = secret_reference(text)
        if database is None or database.problem or not database.is_secret:
            continue
        at: Path = ("ragRepositories", index, "rdsConfig", "passwordSecretId")
        if database.arn.region != config.region:
            message = (
                f"The secret is in {database.arn.region}, but the RAG function reads secrets of {config.region} only."
            )
            fix = f"Replicate the secret to {config.region}, and write the ARN of the replica."
            yield RuleViolation(at, message, fix, (("region",),), Severity.ERROR)
        else:
            yield from _elsewhere(config, at, database, "the role of the RAG function")


@rule("LISA359", "secret-key-used", "Remove the key, or refer to a secret that it encrypts.", Severity.WARNING)
def secret_key_used(config: Config) -> Iterator[RuleViolation]:
    """A key of `secretKeyArns` must be in an account and Region of a secret that the configuration refers to."""
    places = {(reference.arn.account, reference.arn.region) for _, reference in _references(config)}
    for _, text in _database_secrets(config):
        database = secret_reference(text)
        place = (config.account_number, config.region)
        places.add((database.arn.account, database.arn.region) if database is not None else place)
    for index, text in enumerate(config.secret_key_arns):
        key = parse_arn(text)
        if key is not None and (key.account, key.region) not in places:
            message = f"No secret of account {key.account} in {key.region} is referred to, so the key has no effect."
            yield RuleViolation(("secretKeyArns", index), message)


def _elsewhere(config: Config, path: Path, reference: SecretReference, role: str) -> Iterator[RuleViolation]:
    arn = reference.arn
    in_account, in_region = arn.account == config.account_number, arn.region == config.region
    keys = [parse_arn(key) for key in config.secret_key_arns]
    if (in_account and in_region) or any(
        key and (key.account, key.region) == (arn.account, arn.region) for key in keys
    ):
        return
    what = "secret" if reference.is_secret else "parameter"
    also: tuple[Path, ...] = (("accountNumber",), ("region",))
    if in_account:
        message = (
            f"The {what} is in {arn.region}, not in {config.region}: without a route to that Region no task starts, "
            "and a customer managed key requires a grant."
        )
        fix = f"Replicate it to {config.region}, or list the KMS key of {arn.region} in secretKeyArns."
    else:
        message = (
            f"The {what} is in account {arn.account}{'' if in_region else f', in {arn.region}'}: its resource "
            f"policy and its KMS key must permit {role}, which the compiler cannot check."
        )
        fix = (
            f"Permit {role} in the resource policy of the secret and in the policy of its customer managed KMS key, "
            "and list the key in secretKeyArns."
            if reference.is_secret
            else f"Share the parameter with account {config.account_number} through AWS RAM, and list its KMS key in "
            "secretKeyArns."
        )
    yield RuleViolation(path, message, fix, also)


def _references(config: Config) -> Iterator[tuple[Path, SecretReference]]:
    for path, service in services(config):
        for name, value in service.container_config.environment.items():
            reference = secret_reference(value)
            if reference is not None:
                yield (*path, "containerConfig", "environment", name), reference


def _database_secrets(config: Config) -> Iterator[tuple[int, str]]:
    for index, repository in enumerate(config.rag_repositories if config.deploy_rag else ()):
        rds = repository.rds_config
        if rds is not None and rds.password_secret_id:
            yield index, rds.password_secret_id
