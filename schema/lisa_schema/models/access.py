"""Who may do what: sign-in, access of groups to models and documents, and the limits on IAM roles."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from lisa_schema.models.base import ConfigModel, HttpsUrl, IamNamePart, IamPath, Integer, KmsKeyArn, PolicyReference
from lisa_schema.models.enums import AccessDefault, ObjectLock

ALL = "*"
"""In a list of models or repositories: every one of them."""

_Limit = Annotated[Integer, Field(ge=1, le=10**12)] | None


def _without_trailing_slash(url: str) -> str:
    return url.rstrip("/")


class AuthConfig(ConfigModel):
    """Identity provider (OpenID Connect)."""

    authority: Annotated[HttpsUrl, AfterValidator(_without_trailing_slash)] = Field(
        description="URL of the issuer; a trailing slash is removed.",
        examples=["https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example"],
    )
    client_id: str = Field(min_length=1, description="Client ID registered for LISA.", examples=["lisa"])
    admin_group: str = Field(default="", description="Group of administrators, who can manage models.")
    jwt_groups_property: str = Field(
        default="",
        description="Dot-separated path of the groups claim in a token.",
        examples=["cognito:groups", "realm_access.roles"],
    )
    additional_scopes: tuple[str, ...] = Field(
        default=(), description="Scopes to request in addition to the default ones."
    )
    legacy_tokens: bool = Field(
        default=True,
        description=(
            "Accept API tokens that the token table has in plain text, as LISA 2.x stored them. Run "
            "`lisa tokens hash`, then set this to false."
        ),
    )
    back_channel_logout: bool = Field(
        default=False,
        description=(
            "Receive sign-outs from the identity provider (OpenID Connect Back-Channel Logout), and reject the tokens "
            "of ended sessions within 60 seconds. Tokens are then accepted for at most 24 hours after they were issued."
        ),
    )


class PermissionsBoundary(ConfigModel):
    """Limits on every IAM role, and the prefixes that names must have."""

    permissions_boundary_policy_name: PolicyReference = Field(
        description=(
            "Managed policy that is the permissions boundary of every role: its name in the account, its path and "
            "name, or its ARN."
        ),
        examples=["Boundary", "/team/Boundary", "arn:aws:iam::123456789012:policy/team/Boundary"],
    )
    role_path: IamPath = Field(
        default="/", description="IAM path of roles, policies and instance profiles.", examples=["/team/"]
    )
    role_prefix: IamNamePart = Field(default="", description="Prefix of role names.")
    policy_prefix: IamNamePart = Field(default="", description="Prefix of policy names.")
    instance_profile_prefix: IamNamePart = Field(default="", description="Prefix of instance profile names.")

    @property
    def is_of_aws(self) -> bool:
        """Whether it is a policy that AWS manages."""
        return ":aws:policy/" in self.permissions_boundary_policy_name

    @property
    def policy(self) -> str:
        """The boundary as AWS names it in an account: path and name, without a leading slash."""
        return self.permissions_boundary_policy_name.rpartition(":policy/")[2].removeprefix("/")

    def policy_arn(self, partition: str, account: str) -> str:
        """The boundary's ARN, as it is written or in an account."""
        written = self.permissions_boundary_policy_name
        return written if written.startswith("arn:") else f"arn:{partition}:iam::{account}:policy/{self.policy}"


class UsageLimits(ConfigModel):
    """Limits of requests and tokens; a limit that is not set does not apply."""

    requests_per_minute: _Limit = Field(default=None, description="Requests in a minute.", examples=[60])
    tokens_per_minute: _Limit = Field(
        default=None, description="Tokens in a minute, of prompts and responses together.", examples=[100000]
    )
    concurrent_requests: _Limit = Field(default=None, description="Requests at the same time.", examples=[8])
    daily_tokens: _Limit = Field(default=None, description="Token budget of a day (UTC).", examples=[2000000])
    monthly_tokens: _Limit = Field(
        default=None, description="Token budget of a calendar month (UTC).", examples=[20000000]
    )

    @property
    def are_set(self) -> bool:
        """Whether there is any limit."""
        return any(getattr(self, name) is not None for name in type(self).model_fields)


class AccessEntry(ConfigModel):
    """What the callers in a group may use, and how much of it."""

    models: tuple[str, ...] | None = Field(
        default=None,
        description=(
            "Names of hosted models, adapters and external models as clients write them, or `*` for all. Default: all "
            "with `default: open`, none with `default: closed`."
        ),
        examples=[["mistral7b"]],
    )
    repositories: tuple[str, ...] | None = Field(
        default=None,
        description="RAG repositories by repositoryId, or `*` for all. Default: as for models.",
        examples=[["pgvector-rag"]],
    )
    per_caller: UsageLimits = Field(
        default_factory=UsageLimits, description="Limits of each user, and of each API token."
    )
    per_group: UsageLimits = Field(
        default_factory=UsageLimits, description="Limits of all callers in the group together."
    )
    audit_content: bool = Field(
        default=False,
        description=(
            "Record the content of the group's requests and responses, encrypted with the key of "
            "`auditContentStore`. A caller in several groups is recorded if any of them is."
        ),
    )
    audit_content_required: bool = Field(
        default=False,
        description=(
            "Reject requests of the group while their content cannot be recorded. Default: such requests are served, "
            "and the audit log says that their content is missing."
        ),
    )


class AuditContentStore(ConfigModel):
    """Where the content of audited requests is kept, and the key that it is encrypted with."""

    key_arn: KmsKeyArn = Field(
        description=(
            "Symmetric KMS key in the Region, of this or another account. The gateway encrypts content with data keys "
            "of it before it writes anything; only callers with kms:Decrypt on this key can read the content."
        ),
        examples=["arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"],
    )
    retention_days: Annotated[Integer, Field(ge=1, le=3650)] = Field(
        default=90, description="Days after which the content is deleted."
    )
    object_lock: ObjectLock = Field(
        default=ObjectLock.NONE,
        description=(
            "S3 Object Lock for `retentionDays`: `governance` requires a special permission to delete content earlier, "
            "with `compliance` nobody can. Can be set only before the bucket is created, and the bucket is retained "
            "with any `removalPolicy`."
        ),
    )


class AccessConfig(ConfigModel):
    """Who may use which models and RAG repositories, and how much."""

    default: AccessDefault = Field(
        default=AccessDefault.OPEN,
        description=(
            "`open`: what is not restricted may be used by all callers. `closed`: callers may use only what is listed."
        ),
    )
    groups: dict[str, AccessEntry] = Field(
        default_factory=dict,
        description=(
            "Entries by group, as the groups claim of an OIDC token or an API token names it. A caller in several "
            "groups may use what any of them may; each limit is the largest of them, or none if one of them has none."
        ),
        examples=[{"data-science": {"models": ["*"], "perCaller": {"requestsPerMinute": 120}}}],
    )
    everyone: AccessEntry | None = Field(
        default=None,
        description=(
            "Entry for callers in no listed group. Default: everything with `default: open`, nothing with "
            "`default: closed`."
        ),
    )
    audit_content_store: AuditContentStore | None = Field(
        default=None, description="Required by `auditContent`: the key and the retention of recorded content."
    )

    @property
    def audits_content(self) -> bool:
        """Whether the content of any caller is recorded."""
        entries = (*self.groups.values(), *([self.everyone] if self.everyone else []))
        return any(entry.audit_content for entry in entries)

    def models_of(self, entry: AccessEntry | None) -> tuple[str, ...]:
        """Names of the models that an entry permits, `*` for all."""
        return self._permitted(None if entry is None else entry.models)

    def repositories_of(self, entry: AccessEntry | None) -> tuple[str, ...]:
        """Identifiers of the repositories that an entry permits, `*` for all."""
        return self._permitted(None if entry is None else entry.repositories)

    def _permitted(self, listed: tuple[str, ...] | None) -> tuple[str, ...]:
        if listed is not None:
            return listed
        return (ALL,) if self.default is AccessDefault.OPEN else ()
