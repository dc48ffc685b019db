"""Who may do what: sign-in, and the limits on IAM roles."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from lisa_schema.models.base import ConfigModel, HttpsUrl, IamNamePart, IamPath, PolicyReference


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
