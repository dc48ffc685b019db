"""One environment's output as data: its stacks, what they publish to each other, and what it was configured with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lisa_compiler.output.manifest import ASSEMBLY, outputs, products, sha256
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.product.artifact import ImageRecipe, ProductArtifact
from lisa_compiler.review.revisions import Revision
from lisa_schema.errors import LisaError

Data = Mapping[str, Any]

_ASSEMBLY = "cloudformation"
_TRUST = "trust/"
_ROUTES = "gateway/routes.json"
_CONFIGURATION = ("models-api", "Configuration")
"""Component and construct that publish the configuration without its models (stacks.models_api)."""

_MODEL = "model-"
_REGISTRATION = "Registration"
"""What the component of a model begins with, and the construct that publishes its part (stacks.model)."""


class OutputFormatError(LisaError):
    """Compiled output with an unexpected format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a template.

    Attributes:
        component: component of its stack.
        logical_id: its name in the template.
        type: `AWS::S3::Bucket`.
        properties: its properties.
        attributes: what stands beside them: DeletionPolicy, UpdatePolicy …
    """

    component: str
    logical_id: str
    type: str
    properties: Data
    attributes: Data

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other resource of the environment."""
        return self.component, self.logical_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A CloudFormation stack.

    Attributes:
        component: `iam`, `serve`, `model-<id>` …
        name: its name in the account.
        account: twelve digits.
        region: where it is deployed.
        title: what it is for, in a few words: `model mistral-7b`.
        tags: tags of all its resources.
        parameters: what its template is given, by name.
        resources: by logical id.
    """

    component: str
    name: str
    account: str
    region: str
    title: str
    tags: Data
    parameters: Data
    resources: Mapping[str, Resource]

    @property
    def place(self) -> tuple[str, str, str]:
        """What CloudFormation knows it by."""
        return self.account, self.region, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What is committed for one environment.

    Attributes:
        environment: name of the environment.
        version: version of LISA that compiled it.
        options: options of the compile that changed the configuration.
        digests: digest of each file, by path.
        stacks: by component, in the order of their deployment.
        images: container images that are built, by name: their base image and build arguments.
        image_digests: what these images are named by, by name.
        products: digest of each part of the product code, by name; empty in output that held a copy of it.
        weights: what is known of the weights of each hosted model and adapter, by its name.
        trust_bundle: the certificate authorities of functions and containers, in PEM; empty without a bundle.
        fit: whether the models fit, and what the instances cost (fit.json); empty in output of an older LISA.
        routes: where requests for each model go (gateway/routes.json); empty in output of an older LISA.
    """

    environment: str
    version: str
    options: Data
    digests: Mapping[str, str]
    stacks: Mapping[str, Stack]
    images: Mapping[str, Data]
    image_digests: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Data]
    trust_bundle: bytes = b""
    fit: Data = field(default_factory=dict)
    routes: Data = field(default_factory=dict)
    _resources: Mapping[tuple[str, str], Resource] = field(repr=False)

    @property
    def resources(self) -> Mapping[tuple[str, str], Resource]:
        """Every resource, by component and logical id."""
        return self._resources

    def models(self) -> dict[str, Data]:
        """Configuration of each deployed model, defaults left out, by the component of its stack."""
        found = {}
        for component in self.stacks:
            registration = self._published(component, _REGISTRATION) if component.startswith(_MODEL) else None
            if registration is not None:
                found[component] = registration["configuration"]
        return found

    def configuration(self) -> dict[str, Any]:
        """The environment's configuration, defaults left out; its models are those that are deployed."""
        rest = dict(self._published(*_CONFIGURATION) or {})
        return {**rest, "ecsModels": list(self.models().values())}

    def _published(self, component: str, construct: str) -> dict[str, Any] | None:
        """What constructs.json_parameters published, in parts or whole."""
        resource = self._resources.get((component, f"{construct}Parameter"))
        if resource is None:
            return None
        text = resource.properties.get("Value")
        value = json.loads(text) if isinstance(text, str) else None
        if isinstance(value, dict) and value.keys() == {"parts"}:
            parts = [self._resources[component, f"{construct}{n}Parameter"] for n in range(value["parts"])]
            value = json.loads("".join(part.properties["Value"] for part in parts))
        return value if isinstance(value, dict) else None


def read_output(revision: Revision, environment: str) -> Output | None:
    """Read an environment's output; None when the revision has none.

    Raises:
        OutputFormatError: a file of it is missing or is not what a compile writes.
    """
    folder = f"generated/{environment}"
    files = dict(revision.read([f"{folder}/{MANIFEST}", f"{folder}/{_ASSEMBLY}/manifest.json"]))
    if f"{folder}/{MANIFEST}" not in files:
        return None
    try:
        manifest = json.loads(files[f"{folder}/{MANIFEST}"])
        digests = outputs(files[f"{folder}/{MANIFEST}"])
        code = products(files[f"{folder}/{MANIFEST}"])
        artifacts = json.loads(files[f"{folder}/{_ASSEMBLY}/manifest.json"])["artifacts"]
        described = {name: entry for name, entry in artifacts.items() if entry["type"] == "aws:cloudformation:stack"}
        bundle = next((f"{folder}/{path}" for path in digests if path.startswith(_TRUST)), None)
        names = [f"{folder}/{name}" for name in ("weights.json", "fit.json", _ROUTES)]
        names += [bundle] if bundle else []
        names += [f"{folder}/{_ASSEMBLY}/{entry['properties']['templateFile']}" for entry in described.values()]
        names += [f"{folder}/{_ASSEMBLY}/{name}.assets.json" for name in described]
        files |= revision.read(names)
        stacks = {
            name: _stack(name, entry, json.loads(files[f"{folder}/{_ASSEMBLY}/{entry['properties']['templateFile']}"]))
            for name, entry in described.items()
        }
        digests = {path: digest for path, digest in digests.items() if not path.startswith(ASSEMBLY)} | {
            path.removeprefix(f"{folder}/"): sha256(content)
            for path, content in files.items()
            if path.startswith(f"{folder}/{ASSEMBLY}")
        }
        assets = [json.loads(files.get(f"{folder}/{_ASSEMBLY}/{name}.assets.json", b"{}")) for name in described]
        return Output(
            environment=environment,
            version=str(manifest["lisaVersion"]),
            options=manifest["options"],
            digests=digests,
            stacks=stacks,
            images={name: arguments for entry in assets for name, arguments, _ in _images(entry, code)},
            image_digests={name: digest for entry in assets for name, _, digest in _images(entry, code)},
            products={name: product.sha256 for name, product in code.items()},
            weights=_weights(_object(files, f"{folder}/weights.json")),
            trust_bundle=files[bundle] if bundle else b"",
            fit=_object(files, f"{folder}/fit.json"),
            routes=_object(files, f"{folder}/{_ROUTES}"),
            _resources={resource.key: resource for stack in stacks.values() for resource in stack.resources.values()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputFormatError(
            f"{folder} has an unexpected format. Run `lisa compile --env {environment}`."
        ) from error


def _object(files: Mapping[str, bytes], path: str) -> Data:
    """The object in a file; empty where the revision lacks the file.

    Raises:
        ValueError: it is no JSON.
        TypeError: it is another value than an object.
    """
    content = json.loads(files.get(path, b"{}"))
    if not isinstance(content, dict):
        raise TypeError(path)
    return content


def _weights(content: Data) -> Mapping[str, Data]:
    """What weights.json says of models and adapters; output of an older LISA has no adapters."""
    return {**content.get("models", {}), **content.get("adapters", {})}


def _stack(component: str, entry: Data, template: Data) -> Stack:
    account, region = entry["environment"].removeprefix("aws://").split("/")
    properties = entry["properties"]
    return Stack(
        component=component,
        name=properties["stackName"],
        account=account,
        region=region,
        title=str(template.get("Description", component)).rpartition(": ")[2],
        tags=properties.get("tags", {}),
        parameters=template.get("Parameters", {}),
        resources={
            logical_id: Resource(
                component=component,
                logical_id=logical_id,
                type=resource["Type"],
                properties=resource.get("Properties", {}),
                attributes={key: value for key, value in resource.items() if key not in {"Type", "Properties"}},
            )
            for logical_id, resource in template["Resources"].items()
        },
    )


def _images(assets: Data, code: Mapping[str, ProductArtifact]) -> Iterator[tuple[str, Data, str]]:
    """Name, build arguments and digest of each image that is built."""
    for image in assets.get("dockerImages", {}).values():
        source = image["source"]
        digest = next((place["imageTag"] for place in image.get("destinations", {}).values()), "")
        product = code.get(image.get("displayName", ""))
        if product is not None and isinstance(product.recipe, ImageRecipe):
            yield product.name.rpartition("/")[2], dict(product.recipe.build_args), digest
        elif "directory" in source:
            yield source["directory"].rpartition("/")[2], source.get("dockerBuildArgs", {}), digest
