"""Trace: emit a marked configuration, and read from the marks where each value of the output comes from.

The same planner and emitters run as in a compile, so that the index needs no table: a value has the marks of the keys
that were put into it. What decides a value without being written in it (a switch, whether a key is set) is recorded by
the emitter, in the metadata of the resource. Each value is compared with the one in generated/<env>; where they
differ, its keys are unknown.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

import yaml

from lisa_compiler.compile import ami_lock
from lisa_compiler.compile.cache import read_state, write_state
from lisa_compiler.compile.emission import (
    artifact_digests,
    container_contexts,
    product_artifacts,
)
from lisa_compiler.compile.fit import assess_fit
from lisa_compiler.compile.inputs import program_digest
from lisa_compiler.compile.traced_output import FOLDER, TEMPLATE, TracedOutput
from lisa_compiler.emit.cloudformation.assembly import emit_cloudformation
from lisa_compiler.emit.containers import emit_containers
from lisa_compiler.emit.database_trust import emit_database_trust
from lisa_compiler.emit.fit import emit_fit
from lisa_compiler.emit.litellm import emit_litellm
from lisa_compiler.emit.routes import emit_routes
from lisa_compiler.emit.summary import emit_summary
from lisa_compiler.emit.trust import describe_authorities, emit_trust
from lisa_compiler.emit.web import ENV_JS, emit_web, env_js_for_substitution
from lisa_compiler.emit.weights import emit_weights
from lisa_compiler.output.gateway_authentication import COMPONENT
from lisa_compiler.output.manifest import configuration_digest, sha256
from lisa_compiler.output.tree import output_files
from lisa_compiler.plan import plan
from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.plan.provenance import Keys, MarkedNumber, MarkedText, following
from lisa_compiler.product.recipes import product_recipes
from lisa_compiler.provenance.index import Index
from lisa_weights.lock.lock_file import LOCK_FILE
from lisa_weights.lock.lock_file import load as load_lock

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.artifacts import ArtifactDigests
    from lisa_schema.models import Config


def index_of(project: Path, output: Path, environment: str, config: Config) -> Index:
    """Return where an environment's output comes from, from the state directory if it is known there.

    Args:
        project: directory of config.yaml.
        output: directory of all environments' output.
        environment: name of the environment.
        config: its validated configuration.

    Raises:
        LisaError: a file that the configuration names cannot be used.
    """
    folder = output / environment
    generated = {path: file.read_bytes() for path, file in output_files(folder) if file.is_file()}
    digests = {path: sha256(content) for path, content in generated.items()}
    source = sha256(json.dumps([program_digest(), configuration_digest(config), digests]).encode())
    name = f"provenance-{environment}"
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        state = read_state(output, name)
        if state["source"] == source:
            return Index.from_data(state["index"])
    index = trace(project, environment, config, generated)
    if generated:
        with suppress(OSError):
            write_state(output, name, {"source": source, "index": index.as_data()})
    return index


def trace(project: Path, environment: str, config: Config, generated: Mapping[str, bytes]) -> Index:
    """Find where the output of an environment comes from.

    Args:
        project: directory of config.yaml.
        environment: name of the environment.
        config: its validated configuration.
        generated: the output, by path below generated/<env>.

    Raises:
        LisaError: a file that the configuration names cannot be used.
    """
    keys = Keys()
    amis = ami_lock.load(project, environment)
    deployment = plan(environment, config, amis)
    traced = config.model_copy(update={"run_cdk_nag": False})
    marked = replace(plan(environment, keys.mark(traced), amis), records_keys=True)
    switched = plan(environment, keys.mark(traced, switches=True), amis)
    with _marks_written():
        files = _emit(deployment, marked, switched, project, generated)
    found = TracedOutput(keys)
    found.read(files, generated)
    switches = {stack.component: stack.switches for stack in deployment.stacks}
    folders = {
        model.service.image.context: switches[model.component]
        for model in deployment.models
        if isinstance(model.service.image, BuiltImage)
    }
    found.switch(switches | folders)
    return Index(
        found.resources,
        frozenset(found.unknown),
        stacks={stack.component: stack.key for stack in deployment.stacks},
        names={
            **{("ecsModels", n): model.identifier for n, model in enumerate(config.ecs_models)},
            **{("ragRepositories", n): own.repository_id for n, own in enumerate(config.rag_repositories)},
        },
    )


def _emit(
    deployment: Deployment, marked: Deployment, switched: Deployment, project: Path, generated: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Emit everything with marks; the digests of artifacts carry the keys of what these are made from."""
    lock = load_lock(project / LOCK_FILE)
    files = _files(switched, project)
    plain = _files(deployment, project)
    env_js = emit_web(marked)[ENV_JS]
    products = product_artifacts(deployment, project, plain)
    digests = _marked_digests(artifact_digests(deployment, project, plain, products), marked, files)
    recipes = product_recipes(marked)
    artifacts = {
        name: replace(artifact, sha256=following(artifact.sha256, *_texts(recipes.get(name)), *_below(files, name)))
        for name, artifact in products.artifacts.items()
    }
    files |= emit_cloudformation(marked, digests, artifacts, env_js_for_substitution(env_js))
    serve = json.loads(generated.get(f"{FOLDER}{COMPONENT}{TEMPLATE}", b'{"Resources": {}}'))
    assessment = assess_fit(deployment.config, project, lock)
    authorities = describe_authorities(deployment, project)
    return files | emit_fit(assessment) | emit_summary(switched, lock, serve, assessment, authorities)


def _files(deployment: Deployment, project: Path) -> dict[str, bytes]:
    lock = load_lock(project / LOCK_FILE)
    files = {
        **emit_litellm(deployment),
        **emit_routes(deployment),
        **emit_weights(deployment, lock),
        **emit_web(deployment),
        **emit_trust(deployment, project),
        **emit_database_trust(deployment, project),
    }
    contexts = container_contexts(deployment, lock, files)
    return files | emit_containers(contexts, project=project)


def _marked_digests(digests: ArtifactDigests, marked: Deployment, files: Mapping[str, bytes]) -> ArtifactDigests:
    """Digests that carry the keys of what they are digests of."""
    recipes = product_recipes(marked)
    images = dict(digests.images)
    for service in marked.services:
        if isinstance(service.image, BuiltImage):
            context = service.image.context
            arguments = [value for _, value in service.image.build_args]
            images[context] = following(images[context], *arguments, *_below(files, context))
    return replace(
        digests,
        images=images,
        layers={
            layer.name: following(
                digests.layers[layer.name], layer.prebuilt, *_texts(recipes.get(f"layers/{layer.name}"))
            )
            for layer in marked.layers
        },
    )


def _texts(recipe: Any) -> Iterator[str]:
    """The texts of a recipe."""
    for value in astuple(recipe) if recipe is not None else ():
        if isinstance(value, str):
            yield value


def _below(files: Mapping[str, bytes], folder: str) -> Iterator[str]:
    for path, content in files.items():
        if path.startswith(f"{folder}/"):
            yield content.decode(errors="replace")


@contextmanager
def _marks_written() -> Iterator[None]:
    """Have PyYAML write marks, and pydantic not warn of texts in place of enumerations."""
    dumper = yaml.SafeDumper
    before = dict(dumper.yaml_representers)
    dumper.add_representer(MarkedText, lambda own, text: own.represent_str(str.__str__(text)))
    dumper.add_representer(MarkedNumber, lambda own, number: own.represent_int(number))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
            yield
    finally:
        dumper.yaml_representers = before
