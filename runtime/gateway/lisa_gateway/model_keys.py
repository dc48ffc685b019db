"""Keys of models that LiteLLM calls, as the variables that its configuration refers to.

    python3 -m lisa_gateway.model_keys ROUTES_FILE

prints `export NAME=VALUE` lines for a shell. LiteLLM reads them when it starts: a key that is created or changed later
reaches it with its next start.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

NO_KEY = "none"
"""What LiteLLM sends while a model has no key, or its key cannot be read; a server that requires none accepts it."""

_log = logging.getLogger(__name__)


def model_key_variables(document: bytes, region: str) -> dict[str, str]:
    """Read the keys of the models that LiteLLM calls, and of those with a direct route, which it serves for some APIs.

    Args:
        document: the routes document, `gateway/routes.json`.
        region: the Region of the secrets.

    Returns:
        Keys by name of the variable.
    """
    keys: list[dict[str, str]] = [model["key"] for model in json.loads(document)["models"] if model.get("key")]
    variables = {key["variable"]: key["secret"] for key in keys if key.get("variable")}
    if not variables:
        return {}
    config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})
    client = get_session().create_client("secretsmanager", region_name=region, config=config)
    return {variable: _read(client, secret) for variable, secret in sorted(variables.items())}


def _read(client: Any, secret: str) -> str:
    try:
        return str(client.get_secret_value(SecretId=secret)["SecretString"]).strip() or NO_KEY
    except (BotoCoreError, ClientError, KeyError) as error:
        _log.warning("secret %s: %s", secret, type(error).__name__)
        return NO_KEY


def main() -> None:
    """Print the variables."""
    for name, value in model_key_variables(Path(sys.argv[1]).read_bytes(), os.environ["AWS_REGION"]).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


if __name__ == "__main__":
    main()
