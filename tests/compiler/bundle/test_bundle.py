"""`lisa bundle`: what is in it, what a difference leaves out, and what is refused."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from tests.compiler.bundle.conftest import OTHER_WEIGHTS, Enclave, lisa, wheel

from lisa_compiler.bundle import archive as archives
from lisa_compiler.bundle.archive import read_manifest


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stored(bundle: Path) -> set[str]:
    return {file.path for file in read_manifest(bundle).stored}


def test_it_holds_everything_and_says_what_each_file_is(enclave: Enclave) -> None:
    manifest = read_manifest(enclave.make())
    assert {file.path: file.kind.value for file in manifest.files} == {
        "README.md": "guide",
        "SHA256SUMS": "guide",
        "cdk/aws-cdk-2.9.9.tgz": "cdk",
        "images/rest-api.tar": "image",
        "images/small.tar": "image",
        "install.sh": "guide",
        "project/config.yaml": "project",
        "project/generated/dev/containers/rest-api/entrypoint.sh": "project",
        "project/generated/dev/containers/rest-api/requirements.txt": "project",
        "project/generated/dev/manifest.json": "project",
        "project/vendored/dev/SHA256SUMS": "project",
        "project/vendored/dev/containers/rest-api/entrypoint.sh": "project",
        "project/vendored/dev/containers/rest-api/requirements.txt": "project",
        "project/vendored/dev/manifest.json": "project",
        "project/models/org/small-model/model.safetensors": "weights",
        "project/weights.lock.json": "project",
        "sbom.cdx.json": "guide",
        "wheels/Some_Library-1.0-py3-none-any.whl": "wheel",
        "wheels/lisa_gitops-3.0.0-py3-none-any.whl": "wheel",
    }
    assert (manifest.environment, manifest.base, manifest.missing) == ("dev", None, ())


def test_the_same_files_make_the_same_bytes(enclave: Enclave) -> None:
    first = enclave.make("one.tar").read_bytes()
    enclave.model.touch()
    assert enclave.make("two.tar").read_bytes() == first


def test_it_unpacks_as_it_was(enclave: Enclave) -> None:
    bundle = enclave.make()
    result = lisa("bundle", "unpack", bundle, enclave.folder / "new/there")
    unpacked = enclave.folder / "new/there"
    assert result.exit_code == 0
    assert {f"project/{path}": content for path, content in files(enclave.project).items()}.items() <= files(
        unpacked
    ).items()
    assert stat.S_IMODE((unpacked / "install.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((unpacked / "project/config.yaml").stat().st_mode) == 0o644
    assert stat.S_IMODE(unpacked.stat().st_mode) == 0o755
    assert [path.name for path in (enclave.folder / "new").iterdir()] == ["there"]


def test_tar_and_sha256sum_do_without_lisa(enclave: Enclave) -> None:
    bundle = enclave.make()
    (enclave.folder / "there").mkdir()
    subprocess.run(["tar", "-xf", str(bundle), "-C", str(enclave.folder / "there")], check=True)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=enclave.folder / "there", check=True)


def test_verify_says_what_it_is(enclave: Enclave) -> None:
    bundle = enclave.make()
    result = lisa("bundle", "verify", bundle)
    assert (result.exit_code, result.stdout) == (0, f"{read_manifest(bundle).digest}  bundle.json\n")


def test_a_difference_holds_what_is_new_and_unpacks_to_the_whole(enclave: Enclave) -> None:
    first = enclave.make("one.tar")
    wheel(enclave.wheels, "another", "2.0")
    enclave.write("config.yaml", (enclave.project / "config.yaml").read_text(encoding="utf-8") + "# more\n")
    (enclave.images / "moved.tar").write_bytes(b"small")
    second = enclave.make("two.tar", "--base", first)
    assert stored(second) == {
        "SHA256SUMS",
        "project/config.yaml",
        "sbom.cdx.json",
        "wheels/another-2.0-py3-none-any.whl",
    }
    lisa("bundle", "unpack", first, enclave.folder / "one")
    for base, name in ((first, "from-bundle"), (enclave.folder / "one", "from-directory")):
        assert lisa("bundle", "unpack", second, enclave.folder / name, "--base", base).exit_code == 0
    whole = enclave.make("whole.tar")
    lisa("bundle", "unpack", whole, enclave.folder / "whole")
    expected = {path: content for path, content in files(enclave.folder / "whole").items() if path != "bundle.json"}
    for name in ("from-bundle", "from-directory"):
        found = files(enclave.folder / name)
        del found["bundle.json"]
        assert found == expected


def test_a_difference_of_a_difference_unpacks_over_the_directory(enclave: Enclave) -> None:
    first = enclave.make("one.tar")
    enclave.write("policy/waivers.yaml", "waivers: []\n")
    prices = '{"schemaVersion": 1, "regions": {}}\n'
    enclave.write("prices.json", prices)
    second = enclave.make("two.tar", "--base", first)
    lisa("bundle", "unpack", second, enclave.folder / "two", "--base", first)
    wheel(enclave.wheels, "third", "3.0")
    third = enclave.make("three.tar", "--base", second)
    assert "project/policy/waivers.yaml" not in stored(third)
    refused = lisa("bundle", "unpack", third, enclave.folder / "x", "--base", second)
    assert "is an incremental bundle: unpack it, and pass its directory" in refused.stderr
    assert lisa("bundle", "unpack", third, enclave.folder / "three", "--base", enclave.folder / "two").exit_code == 0
    assert (enclave.folder / "three/project/policy/waivers.yaml").read_text(encoding="utf-8") == "waivers: []\n"
    assert (enclave.folder / "three/project/prices.json").read_text(encoding="utf-8") == prices


def test_the_manifest_of_the_base_is_enough_to_make_a_difference(enclave: Enclave) -> None:
    first = enclave.make("one.tar")
    lisa("bundle", "unpack", first, enclave.folder / "one")
    second = enclave.make("two.tar", "--base", enclave.folder / "one/bundle.json")
    assert stored(second) == set()
    assert lisa("bundle", "verify", second, "--base", first).exit_code == 0


def test_a_difference_needs_its_own_base(enclave: Enclave) -> None:
    first = enclave.make("one.tar")
    wheel(enclave.wheels, "another", "2.0")
    other = enclave.make("other.tar")
    second = enclave.make("two.tar", "--base", first)
    without = lisa("bundle", "unpack", second, enclave.folder / "x")
    wrong = lisa("bundle", "unpack", second, enclave.folder / "x", "--base", other)
    assert f"is incremental to bundle {read_manifest(first).digest}: pass that bundle with --base" in without.stderr
    assert f"is incremental to bundle {read_manifest(first).digest}, but" in wrong.stderr
    assert not (enclave.folder / "x").exists()


def test_what_is_missing_is_told_at_once_and_left_out_when_asked(enclave: Enclave) -> None:
    (enclave.images / "small.tar").unlink()
    enclave.model.unlink()
    refused = enclave.bundle("one.tar")
    assert refused.exit_code == 1
    assert "image small: run `lisa artifacts save" in refused.stderr
    assert "weights of org/small-model: run `lisa weights download --env dev org/small-model`" in refused.stderr
    assert not (enclave.folder / "one.tar").exists()
    manifest = read_manifest(enclave.make("one.tar", "--allow-missing"))
    assert manifest.missing == ("image small", "weights of org/small-model")


def test_weights_that_are_not_locked_are_missing(enclave: Enclave) -> None:
    (enclave.project / "weights.lock.json").unlink()
    assert "weights of org/small-model: run `lisa weights stage --env dev`" in enclave.bundle("one.tar").stderr


def test_a_prebuilt_file_that_only_its_checksum_stands_for_is_missing(enclave: Enclave) -> None:
    import yaml
    from tests.compiler.conftest import configuration

    layers = {"commonLayerPath": "artifacts/common.zip", "ragLayerPath": "artifacts/rag.zip"}
    config = configuration(lambdaLayerAssets=layers)
    enclave.write("config.yaml", yaml.safe_dump({"env": "dev", "dev": config}))
    enclave.write("artifacts/common.zip", "zip")
    enclave.write("artifacts/rag.zip.sha256", f"{'0' * 64}  rag.zip\n")
    manifest = read_manifest(enclave.make("one.tar", "--allow-missing"))
    assert manifest.missing == ("artifacts/rag.zip",)
    assert {"project/artifacts/common.zip", "project/artifacts/rag.zip.sha256"} <= {
        file.path for file in manifest.files
    }


def test_weights_that_are_not_what_the_lock_says_are_refused(enclave: Enclave) -> None:
    enclave.model.write_bytes(OTHER_WEIGHTS)
    result = enclave.bundle("one.tar")
    assert result.exit_code == 1
    assert "model.safetensors changed while it was read, or does not match its lock file" in result.stderr
    assert [path.name for path in enclave.folder.glob("*one.tar*")] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("generated/dev", "run `lisa compile --env dev` first"), ("config.yaml", "config.yaml is missing.")],
)
def test_a_project_that_is_not_ready_is_told(enclave: Enclave, name: str, words: str) -> None:
    path = enclave.project / name
    path.rename(enclave.folder / "away")
    result = enclave.bundle("one.tar")
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_package_that_is_not_the_locked_cdk_cli_is_refused(enclave: Enclave) -> None:
    enclave.cdk.write_bytes(b"another")
    assert "is not aws-cdk 2.9.9 with the digest in package-lock.json" in enclave.bundle("one.tar").stderr


def test_wheels_without_lisa_are_refused(enclave: Enclave) -> None:
    (enclave.wheels / "lisa_gitops-3.0.0-py3-none-any.whl").unlink()
    assert "has no wheel of lisa-gitops" in enclave.bundle("one.tar").stderr


def test_no_file_to_write_is_a_mistake_of_the_command_line(enclave: Enclave) -> None:
    assert lisa("bundle", "--project", enclave.project).exit_code == 2


def test_nothing_that_is_there_is_unpacked_over(enclave: Enclave) -> None:
    bundle = enclave.make()
    (enclave.folder / "there").mkdir()
    (enclave.folder / "there/mine").write_text("x", encoding="utf-8")
    assert "holds mine already" in lisa("bundle", "unpack", bundle, enclave.folder / "there").stderr
    assert files(enclave.folder / "there") == {"mine": b"x"}


def test_an_unpack_that_is_interrupted_leaves_nothing(enclave: Enclave) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    bundle = enclave.make()
    with pytest.raises(KeyboardInterrupt):
        archives.unpack(bundle, enclave.folder / "there", None, interrupt)
    assert list(enclave.folder.glob("*there*")) == []


def test_big_files_are_never_in_memory(enclave: Enclave, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    big = b"0" * (1 << 20) * 64
    enclave.model.write_bytes(big)
    enclave.lock(big)
    del big
    tracemalloc.start()
    bundle = enclave.make()
    lisa("bundle", "unpack", bundle, enclave.folder / "there")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (enclave.folder / "there/project/models/org/small-model/model.safetensors").stat().st_size == 64 << 20
    assert peak < 32 << 20
