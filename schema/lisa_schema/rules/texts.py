"""Rules about the text of values: characters that cannot be seen, addresses of identity providers, and lengths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config
from lisa_schema.plain_data import texts
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.visible_text import character_name, visible

_FREE_TEXT: Final = frozenset({"systemBanner", "tags", "environment", "command", "litellmConfig", "serverArgs"})
"""Keys below which a text may be one for people or for a shell, with line breaks."""

_EXACT: Final = frozenset({"model_name", "model", "api_base", "base_url", "api_key", "api_version", "aws_region_name"})
"""Keys of a model in `litellmConfig` whose value is no free text."""

_DECEPTIVE: Final = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
"""Characters that no text shows and that change how the rest of it is read, also in text for people."""

_AUTHORITY: Final[Path] = ("authConfig", "authority")
_WELL_KNOWN: Final = re.compile(r"/\.well-known(/.*)?\Z")
_ENDPOINT: Final = re.compile(
    r"(/protocol/openid-connect(/.*)?"
    r"|/oauth2/v[0-9.]+/(authorize|token|keys|logout|devicecode)"
    r"|/connect/token|/oauth/token"
    r"|/(connect|oauth2?|oidc)/(authorize|userinfo|introspect|certs|jwks|keys|logout)"
    r"|/v1/(authorize|token|userinfo|keys|introspect|logout)"
    r"|/(authorize|userinfo|jwks|jwks\.json|certs))\Z"
)
"""Paths of endpoints below an issuer: Keycloak, Microsoft Entra ID, Okta, Auth0, Duende and others. `/oauth2/token` is
the issuer of WSO2 Identity Server."""
_ENTRA: Final = re.compile(
    r"https://(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn)/([^/]+)(.*)"
)
_COGNITO: Final = re.compile(
    r"cognito-idp(?P<fips>-fips)?\.(?P<region>[a-z]{2,}(-[a-z]+)+-\d)\.(?P<suffix>amazonaws\.(com|com\.cn|eu))"
)
_CONSOLE: Final = re.compile(
    r"(?P<base>https://.+?)(/admin/(?P<realm>[^/]+)/console|/realms/(?P<own>[^/]+)/account)(/.*)?"
)
_OKTA_ADMIN: Final = re.compile(r"(.+)-admin(\.(okta|oktapreview|okta-emea|okta-gov)\.com)")
_COGNITO_DOMAIN: Final = re.compile(r"\.auth(-fips)?\.([a-z0-9-]+)\.amazoncognito\.com\Z")

LAMBDA_ENVIRONMENT_BYTES: Final = 4096
"""Bytes of the variables of a Lambda function as JSON (AWS Lambda Developer Guide, "Lambda quotas")."""
OTHER_VARIABLES_BYTES: Final = 512
"""Bytes that the variables of the authorizer have, except the values of authConfig."""


@rule("LISA551", "invisible-character", "Write the value again, without the character.")
def invisible_character(config: Config) -> Iterator[RuleViolation]:
    """Values must not contain characters that cannot be seen, nor begin or end with a space."""
    data = config.model_dump(by_alias=True, exclude_unset=True, mode="python")
    for path, text in texts((), data):
        if text.isprintable() and text == text.strip():
            continue
        is_free = not _FREE_TEXT.isdisjoint(path) and any(character in text for character in " \n")
        # Names, addresses and keys of models are compared and sent as they are.
        is_exact = path[-1] in _EXACT and text != text.strip()
        deceptive = _DECEPTIVE.search(text)
        if is_free and not is_exact and deceptive is None:
            continue
        found = deceptive[0] if deceptive else next((one for one in text if not one.isprintable()), None)
        if found is None:
            yield RuleViolation(path, f"`{path[-1]}` begins or ends with a space: `{visible(text)}`.")
        else:
            message = f"`{path[-1]}` contains the invisible character {character_name(found)}: `{visible(text[:60])}`."
            yield RuleViolation(path, message)


@rule("LISA376", "issuer-url", "Set it to the `issuer` of the provider's discovery document.")
def issuer_url(config: Config) -> Iterator[RuleViolation]:
    """`authority` must be the issuer: the URL before `/.well-known/openid-configuration`."""
    auth = config.auth_config
    if auth is None:
        return
    written = auth.authority
    parts = urlsplit(written)
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}"
    issuer = _ENDPOINT.sub("", _WELL_KNOWN.sub("", plain.rstrip("/"))).rstrip("/")
    if issuer.endswith("/oauth2/v2.0"):
        issuer = f"{issuer.removesuffix('/oauth2/v2.0')}/v2.0"
    if parts.query or parts.fragment or issuer != plain.rstrip("/"):
        message = f"`{visible(written)}` is an address below the issuer: no token has it as `iss`."
        yield RuleViolation(_AUTHORITY, message, f"Write `{_of_entra(issuer)}`.")
    elif _of_entra(issuer) != issuer:
        message = f"`{written}` is not an issuer: Microsoft Entra ID issues tokens for the v2.0 endpoint with /v2.0."
        yield RuleViolation(_AUTHORITY, message, f"Write `{_of_entra(issuer)}`.")
    elif found := _COGNITO_DOMAIN.search(parts.netloc):
        message = f"`{written}` is the sign-in domain of a Cognito user pool, not its issuer."
        fix = f"Write `https://cognito-idp.{found[2]}.amazonaws.com/<user pool ID>`."
        yield RuleViolation(_AUTHORITY, message, fix)
    elif host := _COGNITO.fullmatch(parts.netloc):
        yield from _user_pool(host, parts.path.strip("/"))
    elif (console := _CONSOLE.fullmatch(plain.rstrip("/"))) is not None:
        realm = console["realm"] or console["own"]
        message = f"`{written}` is a console of Keycloak, not an issuer."
        yield RuleViolation(_AUTHORITY, message, f"Write `{console['base']}/realms/{realm}`.")
    elif found := _OKTA_ADMIN.fullmatch(parts.netloc):
        message = f"`{written}` is the administration of Okta, not an issuer."
        yield RuleViolation(_AUTHORITY, message, f"Write `https://{found[1]}{found[2]}{parts.path}`.")
    elif (tenant := _ENTRA.match(issuer)) and tenant[3] in ("common", "organizations", "consumers"):
        message = f"Tokens have the ID of a tenant in their issuer, never `{tenant[3]}`."
        yield RuleViolation(_AUTHORITY, message, f"Write `{issuer.replace(tenant[3], '<tenant ID>', 1)}`.")


@rule("LISA377", "function-environment-size", "Shorten the values of authConfig.", Severity.ERROR)
def function_environment_size(config: Config) -> Iterator[RuleViolation]:
    """The values of authConfig must fit into the environment of a Lambda function, 4 KB as JSON."""
    auth = config.auth_config
    if auth is None:
        return
    values = {
        "authority": auth.authority,
        "clientId": auth.client_id,
        "adminGroup": auth.admin_group,
        "jwtGroupsProperty": auth.jwt_groups_property,
    }
    sizes = {key: len(json.dumps(value, ensure_ascii=False).encode()) for key, value in values.items()}
    size = sum(sizes.values()) + OTHER_VARIABLES_BYTES
    if size > LAMBDA_ENVIRONMENT_BYTES:
        longest = max(sizes, key=lambda key: sizes[key])
        message = (
            f"The variables of the authorizer would have {size:,} bytes, of which `{longest}` has {sizes[longest]:,}; "
            f"AWS Lambda accepts {LAMBDA_ENVIRONMENT_BYTES:,}."
        )
        yield RuleViolation(("authConfig", longest), message)


def _user_pool(host: re.Match[str], pool: str) -> Iterator[RuleViolation]:
    """The issuer of a Cognito user pool: its ID begins with its Region, and tokens never name the FIPS endpoint."""
    region = host["region"]
    issuer = f"https://cognito-idp.{region}.{host['suffix']}"
    if not pool:
        message = f"`{issuer}` is the service of all user pools of {region}; the issuer has the ID of one."
        yield RuleViolation(_AUTHORITY, message, f"Write `{issuer}/<user pool ID>`.")
    elif not pool.startswith(f"{region}_"):
        own = pool.partition("_")[0]
        message = f"The user pool `{pool}` is not in {region}: its ID begins with its Region."
        yield RuleViolation(_AUTHORITY, message, f"Write `https://cognito-idp.{own}.{host['suffix']}/{pool}`.")
    elif host["fips"]:
        message = "Tokens of a user pool name the issuer without `-fips`, also if they come from the FIPS endpoint."
        yield RuleViolation(_AUTHORITY, message, f"Write `{issuer}/{pool}`.")


def _of_entra(issuer: str) -> str:
    found = _ENTRA.fullmatch(issuer)
    return f"{issuer}/v2.0" if found and not found[4] else issuer
