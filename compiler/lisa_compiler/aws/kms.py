"""Data keys that KMS decrypts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lisa_compiler.aws.session import translate_aws_errors


@dataclass(frozen=True, slots=True)
class KeyService:
    """KMS in the Region of its keys.

    Attributes:
        client: boto3's client of KMS.
    """

    client: Any

    def decrypt(self, wrapped: bytes, context: Mapping[str, str]) -> tuple[str, bytes]:
        """A data key in clear, and the ARN of the key that it is encrypted with.

        Raises:
            RequestError: AWS rejects the request; with the code INVALID_CIPHERTEXT, the context is another one, or the
                text is none of KMS.
        """
        with translate_aws_errors("KMS does not decrypt a data key"):
            found = self.client.decrypt(CiphertextBlob=wrapped, EncryptionContext=dict(context))
        return found["KeyId"], found["Plaintext"]


INVALID_CIPHERTEXT = "InvalidCiphertextException"
"""Code of the error for a data key of another encryption context."""
