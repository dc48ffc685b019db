"""Rules about the stores that LISA creates: names in databases, and instance types and volumes of OpenSearch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config, OpenSearchDomain
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.stores import (
    TABLE_DATE,
    data_node_problem,
    nearest_search_types,
    search_type_exists,
    search_type_offered,
    search_volume_gib,
)

_RESERVED_BY_RDS: Final = frozenset({"admin", "rdsadmin", "rdsrepladmin", "rdstopmgr", "rdsproxyadmin"})
"""Users that RDS for PostgreSQL rejects or has (aws-cloudformation/cfn-lint 4425; Amazon RDS User Guide, "Understanding
PostgreSQL roles and permissions"); rds_ and pg_ begin the names of roles that RDS and PostgreSQL have."""
_RESERVED_PREFIXES: Final = ("pg_", "rds_")
_KEY_WORDS: Final = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role current_schema
    current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for
    foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading
    left like limit localtime localtimestamp natural none not notnull null offset on only or order outer overlaps
    placing primary public references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window with
    """.split()  # noqa: SIM905  # a list of 90 lines otherwise
)
"""Key words that PostgreSQL 16 reserves (its manual, appendix C), and the names that no role can have: none, public."""
_RESERVED_DATABASES: Final = frozenset({"rdsadmin", "template0", "template1"})


@rule("LISA369", "database-user", "Use another name, such as lisa.")
def database_user(config: Config) -> Iterator[RuleViolation]:
    """User and name of a database that LISA creates must be accepted by RDS: reserved words are rejected."""
    for index, repository in enumerate(config.rag_repositories):
        rds = repository.rds_config
        if rds is None or rds.db_host is not None:
            continue
        path: Path = ("ragRepositories", index, "rdsConfig")
        user, database = rds.username.lower(), rds.db_name.lower()
        if user in _RESERVED_BY_RDS or user.startswith(_RESERVED_PREFIXES):
            yield RuleViolation((*path, "username"), f"RDS reserves the name `{rds.username}`.")
        elif user in _KEY_WORDS:
            yield RuleViolation((*path, "username"), f"`{rds.username}` is a reserved word of PostgreSQL.")
        if database in _RESERVED_DATABASES:
            yield RuleViolation((*path, "dbName"), f"RDS reserves the name `{rds.db_name}`.")
        elif database in _KEY_WORDS:
            yield RuleViolation((*path, "dbName"), f"`{rds.db_name}` is a reserved word of PostgreSQL.")


@rule("LISA552", "search-type", "Use an OpenSearch instance type of the Region.")
def search_type(config: Config) -> Iterator[RuleViolation]:
    """OpenSearch instance types must exist, be offered by the Region, and be able to hold data."""
    for path, domain in _domains(config):
        nodes = {"dataNodeInstanceType": domain.data_node_instance_type}
        if domain.master_nodes:
            nodes["masterNodeInstanceType"] = domain.master_node_instance_type
        for key, name in nodes.items():
            yield from _search_type(config, (*path, key), name, holds_data=key == "dataNodeInstanceType")


@rule("LISA378", "search-volume", "Use a volume size within the limits of the type.")
def search_volume(config: Config) -> Iterator[RuleViolation]:
    """The volume of an OpenSearch data node must be within the limits of its instance type."""
    for path, domain in _domains(config):
        name = domain.data_node_instance_type
        least, most = search_volume_gib(name)
        size = domain.volume_size
        if most is not None and not least <= size <= most:
            message = f"`volumeSize` is {size:,} GiB, but data nodes of {name} accept {least} to {most:,} GiB."
            fix = f"Write {most if size > most else least}, or use a larger type or more data nodes."
            yield RuleViolation((*path, "volumeSize"), message, fix, ((*path, "dataNodeInstanceType"),))


def _search_type(config: Config, path: Path, name: str, *, holds_data: bool) -> Iterator[RuleViolation]:
    near = nearest_search_types(name, config.region)
    fix = f"Choose {' or '.join(near)}." if near else None
    is_offered = search_type_offered(name, config.region)
    if not search_type_exists(name):
        message = f"Unknown OpenSearch instance type `{name}`; the table of stores is of {TABLE_DATE}."
        yield RuleViolation(path, message, fix)
    elif is_offered is False:
        message = f"The Region {config.region} does not offer {name}, according to the table of stores of {TABLE_DATE}."
        yield RuleViolation(path, message, fix, (("region",),))
    elif holds_data and (problem := data_node_problem(name)):
        yield RuleViolation(path, f"{name} {problem}; LISA's domains store data on gp3 volumes.", fix)
    elif is_offered is None:
        message = (
            f"It is not known whether {config.region} offers {name}: the table of stores of {TABLE_DATE} lacks the "
            "Region."
        )
        fix = f"Check with `aws opensearch list-instance-type-details --region {config.region}`."
        yield RuleViolation(path, message, fix, (("region",),), Severity.WARNING)


def _domains(config: Config) -> Iterator[tuple[Path, OpenSearchDomain]]:
    for index, repository in enumerate(config.rag_repositories if config.deploy_rag else ()):
        if isinstance(repository.opensearch_config, OpenSearchDomain):
            yield ("ragRepositories", index, "opensearchConfig"), repository.opensearch_config
