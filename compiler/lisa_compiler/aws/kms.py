"""Data keys that KMS decrypts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors

INVALID_CIPHERTEXT = "InvalidCiphertextException"
"""Code of the error for a data key of another encryption context."""

_OTHER_KEY = "IncorrectKeyException"


@dataclass(frozen=True, slots=True)
class KeyService:
    """KMS in the Region of its keys.

    Attributes:
        client: boto3's client of KMS.
    """

    client: Any

    def decrypt(self, wrapped: bytes, context: Mapping[str, str], key: str) -> bytes | None:
        """A data key in clear; None if it is not encrypted with a key.

        The key is named in the request, since KMS otherwise uses whichever the text names: anyone's.

        Args:
            wrapped: the data key as KMS encrypted it.
            context: its encryption context.
            key: ARN of the key that it must be encrypted with.

        Raises:
            RequestError: AWS rejects the request; with the code INVALID_CIPHERTEXT, the context is another one, or the
                text is none of KMS.
        """
        try:
            with translate_aws_errors("KMS does not decrypt a data key"):
                found = self.client.decrypt(CiphertextBlob=wrapped, EncryptionContext=dict(context), KeyId=key)
        except RequestError as error:
            if error.code == _OTHER_KEY:
                return None
            raise
        plain: bytes = found["Plaintext"]
        return plain if found["KeyId"] == key else None
