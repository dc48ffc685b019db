"""Cases of the rules of sign-in and access."""

from __future__ import annotations

from .changes import CHECK, Failing, Passing

PRIVATE = ["deployChat=false", "deployUi=false", "restApiConfig.internetFacing=false"]

PASSING: Passing = {
    "ui-needs-chat": [[], ["deployChat=false", "deployUi=false"]],
    "auth-required": [[], ["authConfig=", *PRIVATE]],
    "no-authentication": [
        [],
        PRIVATE,
        # These are errors: auth-required.
        ["authConfig=", "deployUi=false", "restApiConfig.internetFacing=false"],
        ["authConfig=", "deployChat=false", "restApiConfig.internetFacing=false"],
        ["authConfig=", "deployRag=true", *PRIVATE],
        ["authConfig=", *PRIVATE[:2]],
    ],
    "admin-group-readable": [["authConfig.adminGroup=admins", "authConfig.jwtGroupsProperty=groups"]],
    "plain-text-tokens": [["authConfig.legacyTokens=false"], ["authConfig=", *PRIVATE]],
    "public-without-tls": [[], ["restApiConfig.loadBalancerConfig=", CHECK + ".path=/health", *PRIVATE]],
}

FAILING: Failing = {
    "ui-needs-chat": [(["deployChat=false"], "deployUi")],
    "auth-required": [
        (["authConfig="], "authConfig"),
        (["authConfig=", "deployChat=false", "deployUi=false"], "authConfig"),
        (["authConfig=", *PRIVATE, "deployRag=true"], "authConfig"),
    ],
    "no-authentication": [(["authConfig=", *PRIVATE], "authConfig")],
    "admin-group-readable": [(["authConfig.adminGroup=admins"], "authConfig.adminGroup")],
    "plain-text-tokens": [
        (["authConfig.legacyTokens="], "authConfig.legacyTokens"),
        (["authConfig.legacyTokens=true"], "authConfig.legacyTokens"),
    ],
    "public-without-tls": [
        (["restApiConfig.loadBalancerConfig.sslCertIamArn="], "restApiConfig.loadBalancerConfig.sslCertIamArn")
    ],
}
