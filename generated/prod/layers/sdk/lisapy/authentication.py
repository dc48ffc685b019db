"""Tokens of an Amazon Cognito user pool, for programs that run as a person."""

from __future__ import annotations

import getpass
from typing import Any


def get_cognito_token(
    client_id: str, username: str, password: str | None = None, region: str = "us-east-1"
) -> dict[str, Any]:
    """Sign a user in with a password. The app client must allow USER_PASSWORD_AUTH; boto3 must be installed.

    Args:
        client_id: of the app client, `authConfig.clientId` of the deployment.
        username: the user's.
        password: the user's; asked for at the terminal when it is left out.
        region: of the user pool.

    Returns:
        Cognito's answer. `["AuthenticationResult"]["IdToken"]` is the token that the gateway takes.

    Raises:
        botocore.exceptions.ClientError: Cognito refuses.
    """
    import boto3  # type: ignore[import-untyped]

    client = boto3.client("cognito-idp", region_name=region)
    answer: dict[str, Any] = client.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client_id,
        AuthParameters={"USERNAME": username, "PASSWORD": password or getpass.getpass(f"Password of {username}: ")},
    )
    return answer
