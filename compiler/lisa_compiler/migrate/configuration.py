"""The settings of LISA 3 to 6 → those of this version: a table of keys, and blocks that have another form here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lisa_schema.effective import branch, effective
from lisa_schema.rules.secrets import is_secret

if TYPE_CHECKING:
    from lisa_compiler.migrate.models import ListedModels
    from lisa_schema.effective import Schema

_DEFAULTS: Final[Mapping[str, Any]] = {
    "deploymentName": "prod",
    "deploymentStage": "prod",
    "removalPolicy": "destroy",
    "deployRag": True,
}
"""Required here or with another default; values that those versions have when the key is not written."""
_GATEWAY_IMAGE: Final = "python:3.13-slim"
_OLD_PYTHON: Final = re.compile(r"(.*/)?python:3\.([0-9]|10)([.-].*)?")

# Why keys are left out; every other key that this version lacks is left out with a general reason.
_REASONS: Final[Mapping[str, str]] = {
    "authConfig.apiGroup": "every user who can sign in can use API tokens.",
    "authConfig.ragAdminGroup": "administrators are the members of adminGroup.",
    "baseImage": "the image of the gateway is restApiConfig.containerConfig.image.baseImage.",
    "domain": "it follows from the Region.",
    "lambdaLayerAssets.cdkLayerPath": "functions do not use the layer.",
    "litellmConfig.db_key": "LiteLLM has no database here; destroy the key with the old deployment.",
    "maxAzs": "list `availabilityZones` for more than two.",
    "mcpWorkbenchConfig": "MCP servers are not deployed.",
    "nodejsImage": "no function runs on Node.js.",
    "partition": "it follows from the Region.",
    "ragRepositories.rdsConfig.dbPort": "databases listen on port 5432.",
    "roles": "LISA creates roles; rolePrefix, rolePath and a permissions boundary are in permissionsBoundaryAspect.",
    "securityGroupConfig": "LISA creates security groups.",
    "subnetIds": "run `lisa vpc describe`, which writes the vpc block.",
    "subnets": "run `lisa vpc describe`, which writes the vpc block.",
}
_GENERAL: Final = "no equivalent."


class ConfigurationMigration:
    """Changes the settings of one environment in place.

    Attributes:
        changes: what was written differently, each a sentence that begins with the key.
        without_equivalent: what was left out, each a sentence that begins with the key.
    """

    def __init__(self, block: Any) -> None:
        self._block = block
        self.changes: list[str] = []
        self.without_equivalent: list[str] = []

    def run(self, models: ListedModels | None) -> None:
        """Change the settings; models are those of the database, None when they were not given."""
        self._defaults()
        self._account_numbers()
        self._rest_api()
        self._access(models)
        self._models(models)
        self._litellm(models)
        self._repositories()
        self._prune(self._block, effective(), ())

    def _defaults(self) -> None:
        for key, value in _DEFAULTS.items():
            if self._block.get(key) is None:
                self._block[key] = value
                self.changes.append(f"{key}: written, with the default of LISA 3 to 6.")

    def _account_numbers(self) -> None:
        number = self._block.get("accountNumber")
        if number is not None and not isinstance(number, str):
            self._block["accountNumber"] = _digits(number)
        listed = self._block.get("accountNumbersEcr")
        if isinstance(listed, list):
            for index, number in enumerate(listed):
                listed[index] = _digits(number)

    def _rest_api(self) -> None:
        block = self._block
        rest = block.get("restApiConfig")
        if not isinstance(rest, dict):
            rest = block["restApiConfig"] = {}
        base = block.get("baseImage") if isinstance(block.get("baseImage"), str) else None
        if "containerConfig" not in rest:
            image = rest.pop("imageConfig", None) or {"baseImage": base or _GATEWAY_IMAGE}
            if image.get("type") in (None, "asset"):
                image.pop("path", None)
            rest["instanceType"] = rest.get("instanceType") or "m5.large"
            rest["containerConfig"] = {"image": image}
            metric = {"AlbMetricName": "RequestCountPerTarget", "targetValue": 1000}
            rest["autoScalingConfig"] = {"minCapacity": 1, "maxCapacity": 2, "metricConfig": metric}
            self.changes.append("restApiConfig: instance type, container, scaling and health check were added.")
        balancer = rest.get("loadBalancerConfig")
        if not isinstance(balancer, dict):
            balancer = rest["loadBalancerConfig"] = {"healthCheckConfig": {"path": "/health"}}
        for key in ("sslCertIamArn", "domainName"):
            value = rest.pop(key, None)
            if value:
                balancer[key] = value
                self.changes.append(f"restApiConfig.{key}: moved to restApiConfig.loadBalancerConfig.")
        image = rest["containerConfig"].get("image")
        if isinstance(image, dict) and _OLD_PYTHON.fullmatch(str(image.get("baseImage", ""))):
            old, image["baseImage"] = image["baseImage"], _GATEWAY_IMAGE
            self.changes.append(f"restApiConfig.containerConfig.image.baseImage: {_GATEWAY_IMAGE} instead of {old}.")

    def _access(self, models: ListedModels | None) -> None:
        """Groups of models, and the group of all users, as the access of groups."""
        auth = self._block.get("authConfig")
        users = auth.pop("userGroup", None) if isinstance(auth, dict) else None
        groups = models.groups if models is not None else {}
        if not users and not groups:
            return
        names = [] if models is None else [*(model["modelId"] for model in models.hosted)]
        names += [] if models is None else [model["model_name"] for model in models.external]
        shared = [name for name in names if name not in groups]
        everyone = {"models": shared if groups else ["*"], "repositories": ["*"]}
        access: dict[str, Any] = {"default": "closed", "groups": {}}
        if users:
            access["groups"][str(users)] = everyone
        else:
            access["everyone"] = everyone
        for group in dict.fromkeys(group for allowed in groups.values() for group in allowed):
            own = [name for name, allowed in groups.items() if group in allowed]
            access["groups"][group] = {"models": [*shared, *own], "repositories": ["*"]}
        self._block["accessConfig"] = access
        sources = (["authConfig.userGroup"] if users else []) + (["allowedGroups of models"] if groups else [])
        self.changes.append(f"accessConfig: written from {' and '.join(sources)}; models that you add must be listed.")

    def _models(self, models: ListedModels | None) -> None:
        written = self._block.get("ecsModels") or []
        images = [model for model in written if isinstance(model, dict) and "instanceType" not in model]
        for model in images:
            written.remove(model)
        if models is None:
            if images:
                names = ", ".join(str(model.get("modelName")) for model in images)
                self.without_equivalent.append(
                    f"ecsModels: {names} are images to build; the models are in the database. "
                    "Save the answer of GET /models, and pass it with --models."
                )
        else:
            hosted = {str(model["modelName"]) for model in models.hosted}
            unused = [str(model.get("modelName")) for model in images if str(model.get("modelName")) not in hosted]
            if unused:
                self.without_equivalent.append(f"ecsModels: no model uses the images for {', '.join(unused)}.")
            written = [*written, *models.hosted]
            self.changes += models.changes
            self.without_equivalent += models.without_equivalent
        if written:
            self._block["ecsModels"] = written
        else:
            self._block.pop("ecsModels", None)

    def _litellm(self, models: ListedModels | None) -> None:
        litellm = self._block.get("litellmConfig")
        if not isinstance(litellm, dict):
            litellm = self._block["litellmConfig"] = {}
        if models is not None and models.external:
            litellm["model_list"] = [*(litellm.get("model_list") or []), *models.external]
        if models is not None and models.guardrails:
            litellm["guardrails"] = [*(litellm.get("guardrails") or []), *models.guardrails]
        if litellm.pop("db_key", None) is not None:
            self._left_out(("litellmConfig", "db_key"))
        general = litellm.get("general_settings")
        if isinstance(general, dict):
            key = general.get("master_key")
            if isinstance(key, str) and is_secret(("master_key",), key):
                del general["master_key"]
                self.changes.append(
                    "litellmConfig.general_settings.master_key: removed, since secrets must not be committed; to set "
                    "one, write os.environ/NAME."
                )
            for name in [name for name in general if name.startswith(("database", "store_model", "store_prompts"))]:
                del general[name]
                self.without_equivalent.append(f"litellmConfig.general_settings.{name}: LiteLLM has no database here.")
        for name in [name for name, value in litellm.items() if value in (None, {}, [])]:
            del litellm[name]
        if not litellm:
            del self._block["litellmConfig"]

    def _repositories(self) -> None:
        repositories = self._block.get("ragRepositories")
        if not isinstance(repositories, list):
            return
        for repository in [one for one in repositories if one.get("type") not in ("opensearch", "pgvector")]:
            repositories.remove(repository)
            name = repository.get("repositoryId")
            self.without_equivalent.append(
                f"ragRepositories: {name} is of type {repository.get('type')}, which is not supported."
            )

    def _prune(self, node: Any, schema: Schema, path: tuple[str, ...]) -> None:
        """Leave out keys that the schema does not have."""
        if isinstance(node, list):
            items = branch(schema, None).get("items", {})
            for item in node:
                self._prune(item, items, path)
            return
        if not isinstance(node, dict):
            return
        schema = branch(schema, node)
        properties: Mapping[str, Schema] = schema.get("properties", {})
        if not properties:
            return
        for key in list(node):
            if key in properties:
                self._prune(node[key], properties[key], (*path, key))
            elif schema.get("additionalProperties") is False:
                self._left_out((*path, key), node)

    def _left_out(self, path: tuple[str, ...], node: Any = None) -> None:
        name = ".".join(path)
        value = node.pop(path[-1]) if node is not None else None
        reason = _REASONS.get(name) or (_REASONS.get(path[0]) if len(path) == 1 else None) or _GENERAL
        if node is None or value not in (None, "", [], {}):
            self.without_equivalent.append(f"{name}: {reason}")


def _digits(number: Any) -> str:
    return number if isinstance(number, str) else f"{int(number):012d}"
