"""boto3, as the rest of the compiler uses it; no other module imports it.

boto3 belongs to the extra `aws`: without it, importing this module, and what imports it, raises an error for the user.
Importing boto3 takes about 0.4 s. Modules that serve commands without AWS therefore import no module of this package at
their top, except `errors`.
"""

from __future__ import annotations

from lisa_compiler.aws.errors import DeployError

try:
    from boto3 import Session  # type: ignore[import-untyped]
    from boto3.dynamodb.types import TypeDeserializer, TypeSerializer  # type: ignore[import-untyped]
    from boto3.exceptions import S3UploadFailedError  # type: ignore[import-untyped]
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
except ImportError as error:
    raise DeployError("This command requires boto3. Install it with `pip install 'lisa-gitops[aws]'`.") from error

__all__ = [
    "BotoCoreError",
    "ClientError",
    "Config",
    "NoCredentialsError",
    "S3UploadFailedError",
    "Session",
    "TypeDeserializer",
    "TypeSerializer",
]
