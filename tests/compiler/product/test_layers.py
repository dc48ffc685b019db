"""Lambda layers: what they are built from, and the script that builds them, run with a stand-in for pip."""

from __future__ import annotations

import json
import marshal
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lisa_compiler.product.artifact import LayerRecipe
from lisa_compiler.product.layers import LAYER_NAMES, layer_files

PYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CACHE_TAG = f"{sys.implementation.cache_tag}"

FAKE_PIP = """
import json, os, pathlib, sys
target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
package = target / "package"
(package / "__pycache__").mkdir(parents=True)
(package / "__init__.py").write_text("x = 1\\n")
(package / "template.py").write_text("{{ not Python }")
(package / "__pycache__" / "x.pyc").write_text(os.urandom(8).hex())
(target / "bin").mkdir()
(target / "bin" / "tool").write_text("#!" + sys.executable)
info = target / "package-1.dist-info"
info.mkdir()
(info / "RECORD").write_text(os.urandom(8).hex())
(info / "METADATA").write_text("Name: package\\n")
index = {name: os.environ.get(name) for name in ("PIP_INDEX_URL", "PIP_TRUSTED_HOST")}
with open(os.environ["FAKE_LOG"], "a") as log:
    log.write(json.dumps({"arguments": sys.argv[1:], **index}) + "\\n")
print("noise")
sys.exit(int(os.environ.get("FAKE_STATUS", "0")))
"""


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", LAYER_NAMES)
def test_every_layer_has_pins_for_every_python(name: str, python: str) -> None:
    files = layer_files(name, LayerRecipe(python=python))
    lines = files[f"layers/{name}/requirements.txt"].decode().splitlines()
    assert lines
    # A marker would be read for the machine that builds the layer.
    assert all(
        re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]* \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?", line) for line in lines
    )
    assert json.loads(files[f"layers/{name}/layer.json"])["python"] == python


def test_the_sdk_layer_carries_the_sdk() -> None:
    files = layer_files("sdk", LayerRecipe(python="3.13"))
    assert "layers/sdk/lisapy/__init__.py" in files
    assert json.loads(files["layers/sdk/layer.json"])["sources"] == ["lisapy"]


def lay_out(folder: Path, python: str) -> Path:
    """The sdk layer of a version of Python, and a fake pip."""
    recipe = LayerRecipe(python="3.13", index_url="https://pypi.example.com", trusted_host="pypi.example.com")
    for name, content in layer_files("sdk", recipe).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    settings = folder / "layers" / "sdk" / "layer.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"python": python}))
    (folder / "fake" / "pip").mkdir(parents=True)
    (folder / "fake" / "pip" / "__main__.py").write_text(FAKE_PIP)
    (folder / "fake" / "pip" / "__init__.py").write_text("")
    return folder


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """The layer of another Python than this."""
    return lay_out(tmp_path, next(python for python in ("3.12", "3.13") if python != THIS_PYTHON))


@pytest.fixture
def own_layers(tmp_path: Path) -> Path:
    """The layer of this Python."""
    return lay_out(tmp_path, THIS_PYTHON)


def build(layers: Path, *arguments: str, cache: str = "cache", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(layers / "layers" / "build_layer.py"), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(layers / "fake"),
            "XDG_CACHE_HOME": str(layers / cache),
            "FAKE_LOG": str(layers / "log"),
            **environment,
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_the_path_of_the_zip_file_is_printed(layers: Path) -> None:
    result = build(layers, "sdk")
    assert result.returncode == 0, result.stderr
    path = Path(result.stdout.strip())
    assert path.is_file()
    assert path.parent == layers / "cache" / "lisa" / "layers"
    assert "noise" in result.stderr


def test_what_is_in_the_layer(layers: Path) -> None:
    with zipfile.ZipFile(build(layers, "sdk").stdout.strip()) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
    sources = layers / "layers" / "sdk"
    assert set(names) == {
        *(f"python/{path.relative_to(sources)}" for path in (sources / "lisapy").rglob("*.*")),
        "python/package-1.dist-info/METADATA",
        "python/package/__init__.py",
        "python/package/template.py",
    }


def test_the_same_inputs_make_the_same_bytes(layers: Path) -> None:
    one, two = (Path(build(layers, "sdk", cache=cache).stdout.strip()) for cache in ("a", "b"))
    assert one != two
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_bytecode_of_another_python_is_left_out_and_that_is_said(layers: Path) -> None:
    result = build(layers, "sdk")
    (said,) = [line for line in result.stderr.splitlines() if "sdk gets no bytecode" in line]
    assert said.endswith(f"instead of {THIS_PYTHON}")


def test_bytecode_is_beside_the_sources(own_layers: Path) -> None:
    result = build(own_layers, "sdk")
    assert "no bytecode" not in result.stderr
    assert Path(result.stdout.strip()).stem.endswith(f"-{CACHE_TAG}")
    with zipfile.ZipFile(result.stdout.strip()) as archive:
        compiled = {name: archive.read(name) for name in archive.namelist() if name.endswith(".pyc")}
    sources = own_layers / "layers" / "sdk" / "lisapy"
    assert set(compiled) == {
        *(f"python/lisapy/__pycache__/{path.stem}.{CACHE_TAG}.pyc" for path in sources.glob("*.py")),
        f"python/package/__pycache__/__init__.{CACHE_TAG}.pyc",
    }
    for name, content in compiled.items():
        assert int.from_bytes(content[4:8], "little") == 0b01, "by hash, and not checked (PEP 552)"
        _, package, _, file = name.split("/")
        assert marshal.loads(content[16:]).co_filename == f"/opt/python/{package}/{file.partition('.')[0]}.py"
        assert str(own_layers).encode() not in content


def test_functions_take_the_bytecode_without_a_look_at_the_source(own_layers: Path) -> None:
    unpacked = own_layers / "opt"
    with zipfile.ZipFile(build(own_layers, "sdk").stdout.strip()) as archive:
        archive.extractall(unpacked)
    (unpacked / "python" / "package" / "__init__.py").write_text("x = 'the source'\n")
    command = [sys.executable, "-c", "import package; print(package.x)"]
    environment = {"PYTHONPATH": str(unpacked / "python")}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "1\n"


def test_bytecode_is_the_same_however_it_is_made(own_layers: Path) -> None:
    one = build(own_layers, "sdk", cache="a", PYTHONHASHSEED="1")
    two = build(own_layers, "sdk", cache="b/longer", PYTHONHASHSEED="2", PYTHONOPTIMIZE="1")
    assert Path(one.stdout.strip()).read_bytes() == Path(two.stdout.strip()).read_bytes()


def test_a_layer_is_built_once(layers: Path) -> None:
    first, second = build(layers, "sdk"), build(layers, "sdk")
    assert first.stdout == second.stdout
    assert len((layers / "log").read_text().splitlines()) == 1


def test_a_change_makes_another_layer(layers: Path) -> None:
    first = build(layers, "sdk").stdout
    (layers / "layers" / "sdk" / "lisapy" / "__init__.py").write_text("")
    assert build(layers, "sdk").stdout != first


def test_wheels_are_fetched_for_lambda(layers: Path) -> None:
    build(layers, "sdk")
    call = json.loads((layers / "log").read_text())
    python = json.loads((layers / "layers" / "sdk" / "layer.json").read_text())["python"]
    assert f"--python-version={python}" in call["arguments"]
    assert "--platform=manylinux_2_28_x86_64" in call["arguments"]
    assert "--platform=manylinux2014_x86_64" in call["arguments"]
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(call["arguments"])
    assert call["PIP_INDEX_URL"] == "https://pypi.example.com"
    assert call["PIP_TRUSTED_HOST"] == "pypi.example.com"


def test_the_environment_names_another_index(layers: Path) -> None:
    build(layers, "sdk", LISA_PYPI_INDEX_URL="https://other.example.com")
    assert json.loads((layers / "log").read_text())["PIP_INDEX_URL"] == "https://other.example.com"


def test_a_failure_leaves_nothing_behind(layers: Path) -> None:
    result = build(layers, "sdk", FAKE_STATUS="1")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "could not install" in result.stderr
    assert list((layers / "cache" / "lisa" / "layers").iterdir()) == []


def test_an_unknown_layer(layers: Path) -> None:
    result = build(layers, "nothing")
    assert (result.returncode, result.stdout) == (1, "")
    assert "not the folder of a layer" in result.stderr


def test_another_place_for_the_file(layers: Path) -> None:
    target = layers / "out" / "sdk.zip"
    result = build(layers, "sdk", "--output", str(target))
    assert result.stdout.strip() == str(target)
    assert target.is_file()
