"""The assembly, read back: of the example environments, and of the legacy synthesizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.compiler.conftest import manifest_of

from lisa_compiler.artifacts.artifact import ArtifactType, BuildContext, PrebuiltFile, ProductSource
from lisa_compiler.artifacts.assembly import Assembly, read
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.product.sources import FUNCTIONS

from .site import ROOT

CONFIGURATION = ["configuration gateway/routes.json", "configuration litellm/config.yaml"]
LAYERS = ["authorizer", "common", "fastapi", "rag", "sdk"]


def example(environment: str, partition: str = "aws") -> Assembly:
    return read(ROOT / "generated", environment, partition, ())


def written(compiled: Compiled, folder: Path) -> Assembly:
    for path, content in {**compiled.files, "manifest.json": manifest_of(compiled)}.items():
        file = folder / "generated" / compiled.environment / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return read(folder / "generated", compiled.environment, "aws", ())


def test_every_artifact_is_told_once_and_images_come_last() -> None:
    artifacts = example("dev").artifacts
    layers = [artifact.title for artifact in artifacts if artifact.kind is ArtifactType.LAYER]
    # The authorities of databases are files of the output, not product code.
    assert sorted(layers) == sorted(f"layer {name}" for name in (*LAYERS, "database-trust"))
    assert {artifact.kind for artifact in artifacts[: len(layers)]} == {ArtifactType.LAYER}
    # Its identity provider reports no sign-outs.
    used = sorted(set(FUNCTIONS) - {"sign-outs"})
    functions, rest = artifacts[len(layers) : len(layers) + len(used)], artifacts[len(layers) + len(used) :]
    assert sorted(artifact.title for artifact in functions) == [f"code {name}" for name in used]
    assert rest[0].title == "web application"
    assert [artifact.title for artifact in rest if artifact.kind is ArtifactType.CONFIGURATION] == CONFIGURATION
    assert {artifact.kind for artifact in rest[1 + len(CONFIGURATION) :]} == {ArtifactType.IMAGE}
    assert len({artifact.digest for artifact in artifacts}) == len(artifacts)


def test_product_code_is_what_the_manifest_names() -> None:
    found = {artifact.name: artifact for artifact in example("dev").artifacts}
    for name, product in (
        ("common", "layers/common"),
        ("session", "functions/session"),
        ("application", "web/application"),
    ):
        source = found[name].source
        assert isinstance(source, ProductSource)
        assert (source.product.name, source.product.sha256) == (product, found[name].digest)
        assert source.target == ROOT / ".lisa/artifacts" / source.product.file_name
    image = found["rest-api"].source
    assert isinstance(image, BuildContext)
    assert image.product is not None
    assert (image.folder, image.platform) == (image.product.target, "linux/amd64")
    assert dict(image.arguments)["BASE_IMAGE"].startswith("python:")


def test_context_without_product_code_is_in_the_output() -> None:
    image = {artifact.name: artifact.source for artifact in example("dev").artifacts}["mistral7b"]
    assert isinstance(image, BuildContext)
    assert (image.folder, image.product) == (ROOT / "generated/dev/containers/mistral7b", None)


def test_what_is_prebuilt_is_used_as_it_is() -> None:
    sources = {artifact.name: artifact.source for artifact in example("airgap", "aws-iso").artifacts}
    assert sources["sdk"] == PrebuiltFile(ROOT / "artifacts/layers/sdk_layer.zip")
    assert sources["rest-api"] == PrebuiltFile(ROOT / "artifacts/images/rest-api.tar")


def test_roles_are_in_the_partition() -> None:
    assembly = example("airgap", "aws-iso")
    assert str(assembly.stacks[0].deployer).startswith("arn:aws-iso:iam::210987654321:role/cdk-")
    assert all(str(place.role).startswith("arn:aws-iso:") for each in assembly.artifacts for place in each.places)
    assert {stack.deployer for stack in example("prod").stacks} == {None}, "the caller's own rights"


def test_stacks_come_after_what_they_need() -> None:
    known: set[str] = set()
    for stack in example("prod").stacks:
        assert known.issuperset(stack.depends_on)
        known.add(stack.component)


def test_a_stack_with_what_it_needs_and_with_what_needs_it() -> None:
    assembly = example("dev")
    needed = [stack.component for stack in assembly.with_dependencies("serve")]
    assert needed[-1] == "serve"
    assert {"iam", "networking"} <= set(needed)
    assert not any(component.startswith("model-") for component in needed)
    needing = [stack.component for stack in assembly.with_dependents("api-base")]
    assert needing[0] == "api-base"
    assert {"chat", "ui", "api-deployment"} <= set(needing)


def test_artifacts_of_some_stacks() -> None:
    assembly = example("dev")
    chosen = [assembly.find("demo-lisa-model-mistral7b-dev")]
    assert [artifact.title for artifact in assembly.artifacts_of(chosen)] == ["image mistral7b"]
    components = {artifact.name: artifact.components for artifact in assembly.artifacts}
    assert components["authorizer"] == {"api-base"}
    assert components["session"] == {"chat"}


def test_the_legacy_synthesizer_leaves_the_place_to_the_cli(compiled: Callable[..., Compiled], tmp_path: Path) -> None:
    assembly = written(compiled(stackSynthesizer="LegacyStackSynthesizer"), tmp_path)
    assert {artifact.places for artifact in assembly.artifacts} == {()}
    sources = {artifact.title: artifact.source for artifact in assembly.artifacts}
    for title in ("layer common", "code session", "web application"):
        source = sources[title]
        assert isinstance(source, ProductSource)
        assert source.target.parent == tmp_path / ".lisa/artifacts"
    image = sources["image rest-api"]
    assert isinstance(image, BuildContext)
    assert image.product is not None


@pytest.mark.parametrize("content", [None, "", "[]", '{"artifacts": {"x": {}}}', '{"artifacts": {"x": 1}}'])
def test_what_is_no_assembly_says_to_compile(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "dev/cloudformation"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "manifest.json").write_text(content)
    with pytest.raises(DeployError, match="run `lisa compile --env dev`"):
        read(tmp_path, "dev", "aws", ())


def test_an_unknown_stack_is_told_with_those_that_there_are() -> None:
    with pytest.raises(DeployError, match="Unknown stack srve: use one of iam, networking, "):
        example("dev").find("srve")
