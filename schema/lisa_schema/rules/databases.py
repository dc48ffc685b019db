"""Rules about databases of RAG repositories: who answers, and which user the function is."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.database_authorities import bundle_name, known_regions, rds_region
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config, FunctionUser, RdsConfig
from lisa_schema.rules.registry import RuleViolation, rule

_BUNDLE: Path = ("databaseAuthorityBundle",)


@rule(
    "LISA580",
    "database-authority",
    "Download the bundle of RDS for the Region, commit it, and set databaseAuthorityBundle to its path in the project.",
    Severity.WARNING,
)
def database_authority(config: Config) -> Iterator[RuleViolation]:
    """`databaseAuthorityBundle` must have the CAs of databases on RDS, except in commercial Regions that LISA knows."""
    if config.database_authority_bundle:
        return
    for path, database in _databases(config):
        where = rds_region(database, config.region)
        if where is None or where in known_regions():
            continue
        message = (
            f"LISA does not have the CAs of RDS in {where}, where the database is. The function does not connect to a "
            "database that it cannot verify: the deployment fails, unless the file of certificateAuthorityBundle "
            "contains these CAs."
        )
        fix = (
            f'Download `{bundle_name(where)}` (RDS User Guide of the partition, "Certificate bundles"), commit it, and '
            "and set databaseAuthorityBundle to its path in the project."
        )
        yield RuleViolation(path, message, fix, (_BUNDLE,))


@rule(
    "LISA581",
    "private-database-authority",
    "Set databaseAuthorityBundle to a PEM file in the project with the CA of the database; a file with public CAs "
    "confirms that these are meant.",
    Severity.WARNING,
)
def private_database_authority(config: Config) -> Iterator[RuleViolation]:
    """The CA of an existing database outside RDS must be configured, unless it is a public one."""
    bundle = config.certificate_authority_bundle
    if config.database_authority_bundle or (bundle and not bundle.startswith("/")):
        return
    for path, database in _databases(config):
        if rds_region(database, config.region) is None:
            message = (
                f"The certificate of `{database.db_host}` is accepted if a public CA has issued it, and rejected "
                "otherwise."
            )
            yield RuleViolation((*path, "dbHost"), message, None, (_BUNDLE,))


@rule("LISA582", "database-function-user", "Set functionUser to iam or password, or remove the key.")
def database_function_user(config: Config) -> Iterator[RuleViolation]:
    """`functionUser` must fit the database, and `dbiResourceId` is for `iam` in an existing database."""
    for path, database in _databases(config):
        user, at = database.signs_in, (*path, "functionUser")
        resource = (*path, "dbiResourceId")
        is_existing = database.db_host is not None
        if user is FunctionUser.CONFIGURED and not is_existing:
            message = "`configured` is for existing databases; where LISA creates one, `username` is its administrator."
            yield RuleViolation(at, message)
        if user is FunctionUser.IAM and is_existing and database.dbi_resource_id is None:
            message = "IAM permits to connect to a database by its resource ID, which LISA does not know."
            fix = (
                "Set dbiResourceId to the value of `aws rds describe-db-instances --query "
                "'DBInstances[].[DBInstanceIdentifier,DbiResourceId]'`, or functionUser to password."
            )
            yield RuleViolation(at, message, fix, (resource,))
        if user is FunctionUser.IAM and is_existing and rds_region(database, config.region) is None:
            message = f"`{database.db_host}` is no address of RDS, and IAM database authentication exists only there."
            fix = "Set dbHost to the endpoint of the database, or functionUser to password."
            yield RuleViolation(at, message, fix, ((*path, "dbHost"),))
        if database.dbi_resource_id is not None and not (user is FunctionUser.IAM and is_existing):
            message = "`dbiResourceId` has an effect only in an existing database with `functionUser: iam`."
            yield RuleViolation(resource, message, "Set functionUser to iam, or remove the key.", (at,))


@rule(
    "LISA583",
    "database-privileges",
    "Set functionUser to iam or password; `configured` confirms that the user has no other privileges.",
    Severity.WARNING,
)
def database_privileges(config: Config) -> Iterator[RuleViolation]:
    """The function must not have more privileges in an existing database than it needs."""
    for path, database in _databases(config):
        if database.db_host is not None and database.function_user is None:
            message = (
                f"The RAG function signs in as `{database.username}`, whose privileges LISA does not know. It needs "
                "only the schema lisa_rag."
            )
            yield RuleViolation((*path, "username"), message)


def _databases(config: Config) -> Iterator[tuple[Path, RdsConfig]]:
    for index, repository in enumerate(config.rag_repositories if config.deploy_rag else ()):
        if repository.rds_config is not None:
            yield ("ragRepositories", index, "rdsConfig"), repository.rds_config
