"""Who may do what: sign-in, and the limits on IAM roles."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from lisa_schema.models.base import ConfigModel, HttpsUrl, IamNamePart


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


class PermissionsBoundary(ConfigModel):
    """Limits on every IAM role, and the prefixes that names must have."""

    permissions_boundary_policy_name: IamNamePart = Field(
        min_length=1, description="Name of the managed policy used as permissions boundary of every role."
    )
    role_prefix: IamNamePart = Field(default="", description="Prefix of role names.")
    policy_prefix: IamNamePart = Field(default="", description="Prefix of policy names.")
    instance_profile_prefix: IamNamePart = Field(default="", description="Prefix of instance profile names.")
