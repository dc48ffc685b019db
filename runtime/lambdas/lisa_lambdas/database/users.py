"""The user that the repository function signs in as, and what it may do: read, add and delete, in one schema.

Tables belong to a role without a sign-in. The user has no privilege to make, change or drop anything; the
function `make_collection` makes tables with the privileges of their owner.
"""

from __future__ import annotations

from typing import Optional

from psycopg import sql

from lisa_lambdas.repository.stores.schema import COLLECTIONS, MAKE_COLLECTION, SCHEMA, Connection

OWNER = "lisa_rag_owner"
"""The role that owns the schema and its tables."""

IAM_ROLE = "rds_iam"
"""The role of RDS whose members sign in with a token of IAM."""

_MAKER = "lisa_rag_maker"
_GRANTS_MEMBERSHIP = 160000
"""PostgreSQL from which on who makes a role is a member of it."""
_SCHEMA = sql.Identifier(SCHEMA)


class UserError(Exception):
    """The database cannot have the user; the text says why and what to do."""


def prepare_user(database: Connection, user: str, *, password: Optional[str]) -> None:
    """Make the user where it is missing, and give it its privileges; in one transaction.

    Args:
        database: a connection of an administrator, to a database that has the schema.
        user: name of the user.
        password: its password; None for a user who signs in with tokens of IAM.

    Raises:
        UserError: the user has privileges that it must not have, or the database does not know IAM.
        psycopg.Error: the administrator may not do it, or a table stays locked.
    """
    with database.transaction():
        _make_owner(database)
        if password is None:
            _make_iam_user(database, user)
        else:
            _make_password_user(database, user, password)
        _give_to_owner(database)
        _grant(database, user)
        _must_be_unprivileged(database, user)


def _make_owner(database: Connection) -> None:
    if not _exists(database, OWNER):
        database.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(OWNER)))
    (may_act,) = _one(database, "SELECT pg_has_role(current_user, %s, 'USAGE')", OWNER)
    if not may_act:
        database.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))


def _make_password_user(database: Connection, user: str, password: str) -> None:
    # The server logs the statement: it contains what the password is checked with, and not the password.
    verifier = database.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
    verb = "ALTER" if _exists(database, user) else "CREATE"
    database.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(sql.SQL(verb), sql.Identifier(user), sql.Literal(verifier))
    )


def _make_iam_user(database: Connection, user: str) -> None:
    if not _exists(database, IAM_ROLE):
        raise UserError(
            "The database has no IAM database authentication: it has no role rds_iam, which only RDS has. Set "
            "rdsConfig.functionUser to password."
        )
    if not _exists(database, user):
        _make_without_members(database, user)
    (is_member,) = _one(database, "SELECT pg_has_role(%s, %s, 'MEMBER')", user, IAM_ROLE)
    if not is_member:
        database.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(IAM_ROLE), sql.Identifier(user)))


def _make_without_members(database: Connection, user: str) -> None:
    """Make a user that has no members.

    RDS asks members of rds_iam, also indirect ones, for tokens. An administrator who makes a user in PostgreSQL 16 is a
    member of it, and could no longer sign in with a password. Another role makes it, which is dropped.
    """
    create = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(user))
    (is_superuser,) = _one(database, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if is_superuser or database.info.server_version < _GRANTS_MEMBERSHIP:
        database.execute(create)
        return
    maker = sql.Identifier(_MAKER)
    database.execute(sql.SQL("CREATE ROLE {} NOLOGIN CREATEROLE").format(maker))
    database.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(maker))
    database.execute(sql.SQL("SET LOCAL ROLE {}").format(maker))
    database.execute(create)
    database.execute("RESET ROLE")
    database.execute(sql.SQL("DROP ROLE {}").format(maker))


def _give_to_owner(database: Connection) -> None:
    """Change the owner of what has another one: an earlier version made it as the administrator."""
    owner = sql.Identifier(OWNER)
    has_other = "SELECT nspowner <> %s::regrole FROM pg_namespace WHERE nspname = %s"
    (owned_by_other,) = _one(database, has_other, OWNER, SCHEMA)
    if owned_by_other:
        database.execute(sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(_SCHEMA, owner))
    tables = database.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p')"
        " AND relowner <> %s::regrole ORDER BY relname",
        (SCHEMA, OWNER),
    ).fetchall()
    for (table,) in tables:
        database.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(SCHEMA, table), owner))
    functions = database.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace AND proowner <> %s::regrole",
        (SCHEMA, OWNER),
    ).fetchall()
    for (function,) in functions:
        # The text of a regprocedure is an identifier with its types, quoted by the server.
        database.execute(sql.SQL("ALTER FUNCTION {} OWNER TO {}").format(sql.SQL(function), owner))


def _grant(database: Connection, user: str) -> None:
    grantee, owner = sql.Identifier(user), sql.Identifier(OWNER)
    name = sql.Identifier(database.info.dbname)
    statements = (
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, grantee),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(_SCHEMA, grantee),
        sql.SQL("GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA {} TO {}").format(_SCHEMA, grantee),
        # The function alone adds collections, with their tables.
        sql.SQL("REVOKE INSERT, DELETE ON {} FROM {}").format(COLLECTIONS, grantee),
        sql.SQL(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT, INSERT, DELETE ON TABLES TO {}"
        ).format(owner, _SCHEMA, grantee),
        sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(MAKE_COLLECTION, grantee),
    )
    for statement in statements:
        database.execute(statement)


def _must_be_unprivileged(database: Connection, user: str) -> None:
    """Check what the user may do beyond what it was granted here: a role of this name may have existed."""
    (privileged,) = _one(
        database,
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
        " FROM pg_roles WHERE rolname = %s",
        user,
    )
    groups = database.execute(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole AND roleid <> coalesce("
        "to_regrole(%s)::oid, 0)",
        (user, IAM_ROLE),
    ).fetchall()
    (owned,) = _one(
        database,
        "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s::regrole"
        " AND deptype = 'o'",
        user,
    )
    if privileged or groups or owned:
        raise UserError(
            f"The role {user} exists with more privileges than the function needs (attributes, memberships or objects "
            "that it owns). Rename or drop it, and deploy again."
        )


def _exists(database: Connection, role: str) -> bool:
    return _one(database, "SELECT to_regrole(quote_ident(%s)) IS NOT NULL", role)[0] is True


def _one(database: Connection, query: str, *values: str) -> tuple:  # type: ignore[type-arg]
    found = database.execute(query, values).fetchone()
    if found is None:
        raise UserError(f"The schema {SCHEMA} is missing.")
    return found
