"""Repositories of ECR, and the password of its registries."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors


@dataclass(frozen=True, slots=True)
class Registry:
    """The ECR registry of an account and Region.

    Attributes:
        client: boto3's client of ECR.
    """

    client: Any

    def has_image(self, repository: str, tag: str) -> bool:
        """Whether a repository has an image of this tag.

        Raises:
            RequestError: AWS rejects the request; with the code RepositoryNotFoundException, there is no repository.
        """
        try:
            with translate_aws_errors(f"The ECR repository {repository} cannot be read"):
                found = self.client.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except RequestError as error:
            if error.code == "ImageNotFoundException":
                return False
            raise
        return bool(found["imageDetails"])

    def repository_uri(self, repository: str) -> str:
        """Address of a repository: `<registry>/<repository>`.

        Raises:
            RequestError: AWS rejects the request.
        """
        with translate_aws_errors(f"The ECR repository {repository} cannot be read"):
            found = self.client.describe_repositories(repositoryNames=[repository])["repositories"]
        return str(found[0]["repositoryUri"])

    def password(self) -> str:
        """A password for the registries of the caller, valid for twelve hours; the user name is AWS.

        Raises:
            RequestError: AWS rejects the request.
        """
        with translate_aws_errors("ECR returns no password"):
            authorization = self.client.get_authorization_token()["authorizationData"][0]
        return base64.b64decode(authorization["authorizationToken"]).decode().partition(":")[2]
