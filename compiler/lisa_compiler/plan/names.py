"""Names: every AWS name of a deployment, within its service's limit and without collisions.

A name that is too long keeps its beginning and ends with the first eight hexadecimal digits of its own SHA-256, so two
long names that begin alike stay different and the same name is shortened the same way for ever.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from lisa_compiler.plan.provenance import carries_keys

ROLE_NAME_LIMIT = 64
POLICY_NAME_LIMIT = 128
BUCKET_NAME_LIMIT = 63
STACK_NAME_LIMIT = 128
FUNCTION_NAME_LIMIT = 64
DNS_LABEL_LIMIT = 63
CLUSTER_NAME_LIMIT = 255
CONTAINER_NAME_LIMIT = 255
GROUP_DESCRIPTION_LIMIT = 255
ZONE_COMMENT_LIMIT = 256
LOG_STREAM_PREFIX_LIMIT = 222
"""A log stream is named prefix/container/task, in 512 characters; the container may have 255, the task has 32."""
ALARM_NAME_LIMIT = 255
TABLE_NAME_LIMIT = 255
DB_IDENTIFIER_LIMIT = 63
OPENSEARCH_DOMAIN_LIMIT = 28

LEDGER_TABLE = "lisa-deployments"
"""Table in which deployments are locked and recorded, and its stack; fixed, because every command must find it."""

GATEWAY_CONFIGURATION = "gateway/configuration"
"""Path in Parameter Store, below the deployment's prefix, of the parameter that names the gateway's configuration."""

REGISTERED_MODELS = "models"
"""Path in Parameter Store, below the deployment's prefix, of the parameters that the models' stacks write."""

REPOSITORIES = "repositories"
"""Path, likewise, of the parameters of the RAG repositories, each the connection of one."""

REPOSITORY_ACCESS = "repositoryAccess"
"""Parameter of the RAG repositories that the callers of each group may use."""

EFFECTIVE_CONFIGURATION = "configuration"
"""Parameter of the environment's configuration without its models, likewise."""

REST_API_URL = "lisaServeRestApiUri"
"""Parameter of the gateway's address for callers outside the VPC, as LISA 2.x names it."""

REST_API_VPC_URL = "lisaServeRestApiPrivateUri"
"""Parameter of the gateway's address for callers in the VPC."""

MODELS_EXECUTION = "execution-models"
"""Purpose of the role with which ECS starts the tasks of all models."""

MODELS_INSTANCE = "instance-models"
"""Purpose of the role and instance profile of all models' instances."""

HOSTED_DOMAIN_NAME = "HostedDomainName"
"""Logical id of the record in a hosted zone that the configuration gives."""

_DIGEST_LENGTH = 8


@carries_keys
def fit(name: str, limit: int) -> str:
    """Shorten a name to at most `limit` characters, ending in a digest of the whole when it does not fit."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{name[: limit - _DIGEST_LENGTH - 1].rstrip('-_.')}-{digest}"


def model_id(identifier: str) -> str:
    """The identifier of a model in names and logical ids: its letters and digits alone.

    The configuration rules guarantee that it is unique within a deployment and not empty.
    """
    return re.sub(r"[^A-Za-z0-9]", "", identifier)


@carries_keys
def kebab(name: str) -> str:
    """A name in lower case letters, digits and single hyphens, as DNS labels and bucket names require."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@carries_keys
def _sql_name(name: str, suffix: str) -> str:
    """A name with underscores, as SQL identifiers have them."""
    return f"{name}-{suffix}".replace("-", "_")


def private_zone(deployment: str) -> str:
    """Route 53 private hosted zone of a deployment, in which the gateway and every model have their stable names."""
    return f"{fit(kebab(deployment), DNS_LABEL_LIMIT)}.lisa.internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one deployment, from its configuration alone.

    Attributes:
        deployment: `deploymentName`.
        app: `appName`.
        stage: `deploymentStage`.
        account: twelve digits.
        region: region of the deployment; part of the names of global resources (roles, buckets).
        role_prefix: put before role names, as a permissions boundary may demand.
        policy_prefix: the same for customer managed policies.
        instance_profile_prefix: the same for instance profiles.
        role_path: IAM path of roles, managed policies and instance profiles; `/` for none.
        prefix: `deploymentPrefix`, the path of everything in Parameter Store.
    """

    deployment: str
    app: str
    stage: str
    account: str
    region: str
    role_prefix: str
    policy_prefix: str
    instance_profile_prefix: str
    prefix: str
    role_path: str = "/"

    def stack(self, component: str) -> str:
        """CloudFormation stack name of a component."""
        return fit(f"{self.deployment}-{self.app}-{component}-{self.stage}", STACK_NAME_LIMIT)

    def role(self, purpose: str) -> str:
        """IAM role name; carries the region because roles are global to an account."""
        return fit(f"{self.role_prefix}{self._scope}-{self.region}-{purpose}", ROLE_NAME_LIMIT)

    def policy(self, purpose: str) -> str:
        """Name of a customer managed policy."""
        return fit(f"{self.policy_prefix}{self._scope}-{self.region}-{purpose}", POLICY_NAME_LIMIT)

    def instance_profile(self, purpose: str) -> str:
        """Instance profile name."""
        return fit(f"{self.instance_profile_prefix}{self._scope}-{self.region}-{purpose}", POLICY_NAME_LIMIT)

    @property
    def iam_path(self) -> str | None:
        """IAM path of roles, managed policies and instance profiles, as a property; None for the default."""
        return None if self.role_path == "/" else self.role_path

    def cluster(self, service: str) -> str:
        """ECS cluster name of a service; its auto scaling group has the same name."""
        return fit(f"{self._scope}-{service}", CLUSTER_NAME_LIMIT)

    def alarm(self, purpose: str) -> str:
        """CloudWatch alarm name."""
        return fit(f"{self._scope}-{purpose}", ALARM_NAME_LIMIT)

    @property
    def dashboard(self) -> str:
        """CloudWatch dashboard name."""
        return fit(self._scope, ALARM_NAME_LIMIT)

    @property
    def audit_log_group(self) -> str:
        """Log group of the gateway's audit log."""
        return f"/lisa/{self.cluster('rest-api')}/audit"

    def function(self, purpose: str) -> str:
        """Lambda function name."""
        return fit(f"{self._scope}-{purpose}", FUNCTION_NAME_LIMIT)

    def model_key_secret(self, model: str) -> str:
        """Name of the secret with the key of a model; `*` for those of all models."""
        return f"{self._scope}/models/{model}/key"

    def bucket(self, purpose: str) -> str:
        """S3 bucket name; unique across accounts and regions."""
        return fit(kebab(f"{self._scope}-{purpose}-{self.account}-{self.region}"), BUCKET_NAME_LIMIT)

    @property
    def documents_bucket(self) -> str:
        """The bucket of RAG documents, named as LISA users know it."""
        return fit(kebab(f"{self.deployment}-{self.stage}-lisaragdocs-{self.account}"), BUCKET_NAME_LIMIT)

    @property
    def token_table(self) -> str:
        """DynamoDB table of API tokens, named as LISA users know it."""
        return fit(f"{self.deployment}-LISAApiTokenTable", TABLE_NAME_LIMIT)

    @property
    def sign_out_table(self) -> str:
        """DynamoDB table of sign-outs that the identity provider reports."""
        return fit(f"{self._scope}-sign-outs", TABLE_NAME_LIMIT)

    @property
    def limits_table(self) -> str:
        """DynamoDB table of the counters of limits, which all workers of the gateway share."""
        return fit(f"{self._scope}-limits", TABLE_NAME_LIMIT)

    @property
    def usage_table(self) -> str:
        """DynamoDB table of usage by user, group and model a day."""
        return fit(f"{self._scope}-usage", TABLE_NAME_LIMIT)

    @property
    def sessions_table(self) -> str:
        """DynamoDB table of chat sessions."""
        return fit(f"{self._scope}-sessions", TABLE_NAME_LIMIT)

    @property
    def proposals_table(self) -> str:
        """DynamoDB table of proposed changes of the configuration."""
        return fit(f"{self._scope}-proposals", TABLE_NAME_LIMIT)

    @property
    def private_zone(self) -> str:
        """Route 53 private hosted zone in which the gateway and every model have their stable names."""
        return private_zone(self.deployment)

    @property
    def rest_api_host(self) -> str:
        """Name of the gateway in the private hosted zone; no model's, since those have no hyphens."""
        return f"rest-api.{self.private_zone}"

    def database(self, repository_id: str) -> str:
        """RDS instance identifier of a repository."""
        return fit(kebab(f"{self._scope}-{repository_id}"), DB_IDENTIFIER_LIMIT)

    def database_user(self, repository_id: str, kind: str) -> str:
        """User of a database that a repository's function signs in as; one for each kind, `iam` or `password`.

        A server can have users of several deployments: the name is unique among those of an account and Region.
        """
        return _sql_name(fit(kebab(f"{self._scope}-{repository_id}"), DB_IDENTIFIER_LIMIT - len(kind) - 1), kind)

    def database_user_secret(self, repository: str) -> str:
        """Name of the secret with the password of that user; `repository` is the id of its plan."""
        return f"{self.prefix.strip('/')}/repositories/{repository}/function"

    def search_domain(self, repository_id: str) -> str:
        """OpenSearch domain name of a repository; starts with a letter."""
        return fit(f"r-{kebab(f'{self._scope}-{repository_id}')}", OPENSEARCH_DOMAIN_LIMIT)

    def parameter(self, path: str) -> str:
        """Parameter Store name below the deployment's prefix."""
        return f"{self.prefix}/{path}"

    @property
    def scope(self) -> str:
        """The deployment, its application and its stage: what differs between deployments of an account and Region."""
        return self._scope

    @property
    def _scope(self) -> str:
        return f"{self.deployment}-{self.app}-{self.stage}"
