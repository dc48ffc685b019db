"""The CloudFormation emitter: all stacks, as a cloud assembly that the standard `cdk` CLI deploys as it is.

Stacks that have been synthesized from an equal input are taken from a store; the others are synthesized in processes of
their own (runtime), and put into it. What joins the stacks is added here: the assembly's manifest, and the name of the
API's deployment.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from lisa_compiler.emit.cloudformation.inputs import InputDigests, stack_inputs
from lisa_compiler.emit.cloudformation.protocol import API_DIGEST_MARK, Job, StackOutput
from lisa_compiler.emit.cloudformation.runtime import workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_compiler.product.artifact import ProductArtifact

_FOLDER = "cloudformation"
_TEMPLATE = ".template.json"
_API_PREFIX = "AWS::ApiGateway::"
API_DEFINITION = frozenset(
    f"{_API_PREFIX}{kind}"
    for kind in ("Authorizer", "GatewayResponse", "Method", "RequestValidator", "Resource", "RestApi")
)
"""Types of what a deployment of the API contains, without the stage, the domain and the account's settings."""
# A second worker doubles the memory and needs two seconds of a processor to start: it pays for many stacks.
_STACKS_OF_ONE_WORKER = 100
_STACKS_PER_JOB = 50


class StackStore(Protocol):
    """Where outputs of stacks are kept under the digests of their inputs."""

    def load(self, digests: Sequence[str]) -> tuple[dict[str, StackOutput], Mapping[str, Any] | None]:
        """The outputs that are known by digest, and the manifest's frame; None when it is not known."""

    def save(self, outputs: Mapping[str, StackOutput], frame: Mapping[str, Any]) -> None:
        """Keep outputs by digest, and the frame. A store that cannot be written is no error."""


def emit_cloudformation(
    deployment: Deployment,
    digests: ArtifactDigests,
    products: Mapping[str, ProductArtifact],
    env_js: str,
    store: StackStore | None = None,
) -> dict[str, bytes]:
    """Synthesize a deployment's stacks.

    Args:
        deployment: the plan.
        digests: digests of its artifacts.
        products: its product artifacts by name.
        env_js: settings of the web application, in which `${ApiUrl}` and `${RestApiUri}` are known at deployment.
        store: where stacks are looked up and kept; None synthesizes all of them.

    Returns:
        The files of the assembly, by path below generated/<env>.

    Raises:
        PolicyError: `runCdkNag` is on and cdk-nag has findings.
        SynthesisError: the stacks cannot be synthesized.
    """
    inputs = stack_inputs(deployment, digests, products, env_js)
    if deployment.config.run_cdk_nag:
        # cdk-nag reads constructs, so that all stacks are made, and in one app.
        (made,) = workers().synthesize([Job(inputs, check=True)])
        outputs, frame = {output.component: output for output in made.stacks}, made.frame
    else:
        outputs, frame = _stacks(inputs, store)
    ordered = [outputs[stack.component] for stack in inputs]
    files = {name: content for output in ordered for name, content in output.files.items()}
    files["manifest.json"] = _manifest(deployment, ordered, frame)
    return {f"{_FOLDER}/{name}": content for name, content in _name_api_deployment(files).items()}


def _stacks(inputs: Sequence[StackInput], store: StackStore | None) -> tuple[dict[str, StackOutput], Mapping[str, Any]]:
    digester = InputDigests()
    names = {stack.component: digester.digest(stack) for stack in inputs} if store is not None else {}
    known, frame = store.load(list(names.values())) if store is not None else ({}, None)
    outputs = {component: known[digest] for component, digest in names.items() if digest in known}
    missing = [stack for stack in inputs if stack.component not in outputs]
    if frame is None and not missing:
        missing = list(inputs[:1])
    if missing:
        synthesized = workers().synthesize(_jobs(missing))
        frame = synthesized[0].frame
        made = {output.component: output for one in synthesized for output in one.stacks}
        outputs |= made
        if store is not None:
            store.save({names[component]: output for component, output in made.items()}, frame)
    if frame is None:
        raise ValueError
    return outputs, frame


def _jobs(stacks: Sequence[StackInput]) -> list[Job]:
    if len(stacks) <= _STACKS_OF_ONE_WORKER:
        return [Job(tuple(stacks))]
    count = -(-len(stacks) // _STACKS_PER_JOB)
    size = -(-len(stacks) // count)
    return [Job(tuple(stacks[start : start + size])) for start in range(0, len(stacks), size)]


def _manifest(deployment: Deployment, outputs: Sequence[StackOutput], frame: Mapping[str, Any]) -> bytes:
    dependencies = deployment.direct_dependencies()
    names = {output.component: output.artifact for output in outputs}
    artifacts: dict[str, Any] = {}
    for output in outputs:
        for name, artifact in output.artifacts.items():
            if name == output.artifact:
                others = [*(names[one] for one in dependencies[output.component]), *artifact.get("dependencies", ())]
                artifacts[name] = _with_dependencies(artifact, others)
            else:
                artifacts[name] = artifact
    manifest = {**frame, "artifacts": {**artifacts, **frame["artifacts"]}}
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def _with_dependencies(artifact: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """An artifact with its dependencies where the CDK writes them: before its metadata and its name."""
    last = {key: artifact[key] for key in ("metadata", "displayName") if key in artifact}
    first = {key: value for key, value in artifact.items() if key not in last and key != "dependencies"}
    return {**first, **({"dependencies": names} if names else {}), **last}


def _name_api_deployment(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Name the API's deployment by the digest of everything that defines the API."""
    parts = {
        name: _api_definition(content)
        for name, content in files.items()
        if name.endswith(_TEMPLATE) and _API_PREFIX.encode() in content
    }
    # A stack without a part of the API does not count: another model is no reason to deploy the API again.
    definition = {name: part for name, part in parts.items() if part}
    digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
    name = f"api-deployment{_TEMPLATE}"
    before = files[name]
    after = before.replace(API_DIGEST_MARK.encode(), f"ApiDeployment{digest[:16]}".encode())
    # Templates are assets named by their own digest.
    old, new = (hashlib.sha256(content).hexdigest().encode() for content in (before, after))
    naming = {"api-deployment.assets.json", "manifest.json"}
    return {
        path: after if path == name else content.replace(old, new) if path in naming else content
        for path, content in files.items()
    }


def _api_definition(template: bytes) -> dict[str, Any]:
    return {
        logical_id: resource
        for logical_id, resource in json.loads(template)["Resources"].items()
        if resource["Type"] in API_DEFINITION
    }
