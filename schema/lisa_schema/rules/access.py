"""Rules about sign-in and exposure."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule


@rule("LISA330", "ui-needs-chat", "Set deployChat to true, or deployUi to false.")
def ui_needs_chat(config: Config) -> Iterator[RuleViolation]:
    """The chat application requires deployChat, which stores its sessions."""
    if config.deploy_ui and not config.deploy_chat:
        message = "deployUi is true but deployChat is false; the application requires sessions."
        yield RuleViolation(("deployUi",), message, None, (("deployChat",),))


@rule("LISA331", "auth-required", "Add authConfig with the authority and clientId of your identity provider.")
def auth_required(config: Config) -> Iterator[RuleViolation]:
    """`authConfig` is required when RAG, chat or UI is deployed, or when the gateway is internet-facing."""
    if config.auth_config is not None:
        return
    reasons = [
        words
        for needed, words in (
            (config.deploy_rag, "deployRag is on"),
            (config.deploy_chat, "deployChat is on"),
            (config.deploy_ui, "deployUi is on"),
            (config.rest_api_config.internet_facing, "the REST API is internet-facing"),
        )
        if needed
    ]
    if reasons:
        also = (("deployRag",), ("deployChat",), ("deployUi",), ("restApiConfig", "internetFacing"))
        yield RuleViolation(("authConfig",), f"`authConfig` is required because {' and '.join(reasons)}.", None, also)


@rule(
    "LISA332",
    "no-authentication",
    "Add authConfig, unless all callers in the VPC may use all models.",
    Severity.WARNING,
)
def no_authentication(config: Config) -> Iterator[RuleViolation]:
    """A private gateway without authConfig does not authenticate callers in the VPC."""
    is_served = config.deploy_rag or config.deploy_chat or config.deploy_ui
    if config.auth_config is None and not is_served and not config.rest_api_config.internet_facing:
        message = "Without authConfig the gateway runs with USE_AUTH=false and accepts all callers in the VPC."
        yield RuleViolation(("authConfig",), message, None, (("restApiConfig", "internetFacing"),))


@rule(
    "LISA333",
    "admin-group-readable",
    "Set authConfig.jwtGroupsProperty, as `cognito:groups` or `realm_access.roles`.",
    Severity.WARNING,
)
def admin_group_readable(config: Config) -> Iterator[RuleViolation]:
    """`adminGroup` requires jwtGroupsProperty, the claim with the groups."""
    auth = config.auth_config
    if auth is not None and auth.admin_group and not auth.jwt_groups_property:
        message = "adminGroup is set but jwtGroupsProperty is not; no user would be an administrator."
        yield RuleViolation(("authConfig", "adminGroup"), message, None, (("authConfig", "jwtGroupsProperty"),))


@rule(
    "LISA398",
    "plain-text-tokens",
    "Run `lisa tokens hash` for the deployment, then set authConfig.legacyTokens to false.",
    Severity.WARNING,
)
def plain_text_tokens(config: Config) -> Iterator[RuleViolation]:
    """`legacyTokens` must be false, so that a person who can read the token table cannot use the tokens in it."""
    auth = config.auth_config
    if auth is not None and auth.legacy_tokens:
        message = "The gateway accepts API tokens that the token table has in plain text."
        yield RuleViolation(("authConfig", "legacyTokens"), message)


@rule("LISA334", "public-without-tls", "Set restApiConfig.loadBalancerConfig.sslCertIamArn.", Severity.WARNING)
def public_without_tls(config: Config) -> Iterator[RuleViolation]:
    """An internet-facing gateway must have a TLS certificate, so that tokens are sent encrypted."""
    api = config.rest_api_config
    if api.internet_facing and api.load_balancer_config.ssl_cert_iam_arn is None:
        at = ("restApiConfig", "loadBalancerConfig", "sslCertIamArn")
        message = "The gateway is internet-facing but has no TLS certificate; tokens would be sent unencrypted."
        yield RuleViolation(at, message, None, (("restApiConfig", "internetFacing"),))
