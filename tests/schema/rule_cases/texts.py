"""Cases of the rules of texts: invisible characters, addresses of identity providers, lengths."""

from __future__ import annotations

from .changes import ENVIRONMENT, LISTED, Failing, Passing

SPACED = LISTED.replace("openai/x", "'openai/x '")
HIDDEN = LISTED.replace("openai/x", '"openai/x\\u200b"')
AUTHORITY = "authConfig.authority"
TENANT = "01234567-89ab-cdef-0123-456789abcdef"

PASSING: Passing = {
    "invisible-character": [
        [],
        ["authConfig.clientId=lisa chat"],
        ["authConfig.adminGroup=Équipe IA"],
        ['systemBanner={text: "Interne\\u00a0: ne pas diffuser", backgroundColor: white, fontColor: black}'],
        [f'{ENVIRONMENT}.TEMPLATE="one\\ntwo\\u00a0three"'],
        [f'{ENVIRONMENT}.BLOCK="value\\n"'],
    ],
    "issuer-url": [
        [f"{AUTHORITY}={url}"]
        for url in (
            "https://idp.example.com",
            "https://idp.example.com/",
            "https://idp.example.com/realms/lisa",
            "https://idp.example.com:8443/auth/realms/oauth2",
            f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "https://company.okta.com/oauth2/default",
            "https://company.okta.com",
            "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_example",
            "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_example",
            "https://idp-admin.example.com/realms/account",
            "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example",
            "https://sso.example.com/oauth2",
            "https://sso.example.com/oauth2/token",
        )
    ],
    "function-environment-size": [[], [f"authConfig.clientId={'x' * 3000}"]],
}

FAILING: Failing = {
    "invisible-character": [
        (['authConfig.clientId="lisa\\u00a0client"'], "authConfig.clientId"),
        (['authConfig.clientId="lisa\\u200b"'], "authConfig.clientId"),
        (['authConfig.clientId="lisa\\n"'], "authConfig.clientId"),
        (['authConfig.adminGroup="\\ufeffadmins"'], "authConfig.adminGroup"),
        (["authConfig.adminGroup=' admins'"], "authConfig.adminGroup"),
        ([f'{ENVIRONMENT}.K="value\\u202e"'], f"{ENVIRONMENT}.K"),
        (
            [f"litellmConfig.model_list=[{SPACED}]"],
            "litellmConfig.model_list[0].litellm_params.model",
        ),
        (
            [f"litellmConfig.model_list=[{HIDDEN}]"],
            "litellmConfig.model_list[0].litellm_params.model",
        ),
    ],
    "issuer-url": [
        ([f"{AUTHORITY}={url}"], AUTHORITY)
        for url in (
            "https://idp.example.com/.well-known/openid-configuration",
            "https://idp.example.com/realms/lisa/.well-known/openid-configuration/",
            "https://idp.example.com/.well-known/jwks.json",
            "https://idp.example.com/realms/lisa/.well-known",
            "https://idp.example.com/realms/lisa/protocol/openid-connect/token",
            f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/authorize",
            f"https://login.microsoftonline.com/{TENANT}",
            "https://login.microsoftonline.com/common/v2.0",
            "https://company.okta.com/oauth2/default/v1/authorize",
            "https://idp.example.com/authorize",
            "https://idp.example.com/realms/lisa?client_id=lisa",
            "'https://idp.example.com/realms/lisa#x'",
            "https://lisa.auth.us-east-1.amazoncognito.com",
            "https://cognito-idp.us-east-1.amazonaws.com",
            "https://cognito-idp.us-east-1.amazonaws.com/us-west-2_example",
            "https://cognito-idp-fips.us-gov-west-1.amazonaws.com/us-gov-west-1_example",
            "https://idp.example.com/admin/lisa/console",
            "https://idp.example.com/auth/realms/lisa/account/",
            "https://company-admin.okta.com",
        )
    ],
    "function-environment-size": [
        ([f"authConfig.clientId={'x' * 5000}"], "authConfig.clientId"),
        ([f"authConfig.adminGroup={'é' * 2000}"], "authConfig.adminGroup"),
    ],
}
