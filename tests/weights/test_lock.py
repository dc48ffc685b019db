"""weights.lock.json: the same bytes for the same lock, and clear words for one that is not a lock."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.lock import lock_file as lock
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind, WeightsLock
from lisa_weights.model_directory import lock_directory, read_directory
from weights.model_files import single, write

MODEL = LockedModel(
    kind=SourceKind.HUB,
    revision="c" * 40,
    files=(LockedFile("config.json", 2, "a" * 64), LockedFile("model.safetensors", 100, "b" * 64)),
    parameters=50,
    dtypes={"BF16": 2},
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made = WeightsLock().with_model("org/b", MODEL).with_model("org/a", MODEL)
    lock.save(tmp_path / lock.LOCK_FILE, made)
    assert lock.load(tmp_path / lock.LOCK_FILE) == made
    assert [path.name for path in tmp_path.iterdir()] == [lock.LOCK_FILE]


def test_the_form_is_as_documented() -> None:
    content = json.loads(lock.render(WeightsLock({"org/a": MODEL})))
    assert content == {
        "schemaVersion": 1,
        "models": {
            "org/a": {
                "source": {"kind": "hub", "revision": "c" * 40},
                "files": [
                    {"path": "config.json", "size": 2, "sha256": "a" * 64},
                    {"path": "model.safetensors", "size": 100, "sha256": "b" * 64},
                ],
                "totalBytes": 102,
                "parameters": 50,
                "dtypes": {"BF16": 2},
            }
        },
    }


def test_entry_of_an_older_lisa_has_no_converter_and_stays_as_it_is(tmp_path: Path) -> None:
    before = lock.render(WeightsLock({"org/a": MODEL}))
    (tmp_path / "lock").write_bytes(before)
    loaded = lock.load(tmp_path / "lock")
    assert loaded.models["org/a"].converter is None
    assert lock.render(loaded) == before


@pytest.mark.parametrize("version", [0, 2])
def test_version_of_the_converter_is_kept(tmp_path: Path, version: int) -> None:
    made = WeightsLock({"org/a": replace(MODEL, converter=version)})
    lock.save(tmp_path / "lock", made)
    assert json.loads((tmp_path / "lock").read_bytes())["models"]["org/a"]["converter"] == version
    assert lock.load(tmp_path / "lock") == made


def test_prefix_names_the_content(tmp_path: Path) -> None:
    made = MODEL.with_prefix("org/a")
    lines = "".join(f"{file.path}\t{file.size}\t{file.sha256}\n" for file in MODEL.files)
    assert made.prefix == f"org/a/{hashlib.sha256(lines.encode()).hexdigest()}"
    assert (made.location("org/a"), MODEL.location("org/a")) == (made.prefix, "org/a")
    lock.save(tmp_path / "lock", WeightsLock({"org/a": made, "org/b": MODEL}))
    content = json.loads((tmp_path / "lock").read_bytes())
    assert content["schemaVersion"] == 2
    assert [entry.get("prefix") for entry in content["models"].values()] == [made.prefix, None]
    assert lock.load(tmp_path / "lock") == WeightsLock({"org/a": made, "org/b": MODEL})


@pytest.mark.parametrize("change", [{"sha256": "e" * 64}, {"size": 101}, {"path": "other.safetensors"}])
def test_other_content_has_another_prefix(change: dict[str, object]) -> None:
    files = (MODEL.files[0], replace(MODEL.files[1], **change))  # type: ignore[arg-type]
    assert replace(MODEL, files=files).content_digest != MODEL.content_digest
    assert replace(MODEL, revision=None, converter=1).content_digest == MODEL.content_digest


@pytest.mark.parametrize(
    "prefix",
    ["org/b", "org/a", f"org/a/{'0' * 64}", f"org/b/{MODEL.content_digest}", f"../{MODEL.content_digest}", "", 7, None],
)
def test_prefix_of_other_content_is_rejected(tmp_path: Path, prefix: object) -> None:
    content = json.loads(lock.render(WeightsLock({"org/a": MODEL.with_prefix("org/a")})))
    content["models"]["org/a"]["prefix"] = prefix
    (tmp_path / "lock").write_text(json.dumps(content))
    with pytest.raises(WeightsError, match="is not a valid lock file"):
        lock.load(tmp_path / "lock")


def test_checksum_of_parts_is_kept_for_large_files_only(tmp_path: Path) -> None:
    size = (5 << 30) + 1
    large = LockedFile("model.safetensors", size, "b" * 64, f"{'A' * 43}=-81")
    made = replace(MODEL, files=(MODEL.files[0], large)).with_prefix("org/a")
    lock.save(tmp_path / "lock", WeightsLock({"org/a": made}))
    assert lock.load(tmp_path / "lock").models["org/a"].files[1].parts_sha256 == large.parts_sha256
    content = json.loads((tmp_path / "lock").read_bytes())
    for wrong in (f"{'A' * 43}=-80", f"{'A' * 43}=", "x"):
        content["models"]["org/a"]["files"][1]["partsSha256"] = wrong
        (tmp_path / "lock").write_text(json.dumps(content))
        with pytest.raises(WeightsError, match="is not a checksum of parts"):
            lock.load(tmp_path / "lock")


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\rb", "it's", 'a"b', "a\\b", "a\x7fb", "a\u2028b", "a\u200bb"])
def test_file_names_that_other_commands_reject_are_not_locked(tmp_path: Path, name: str) -> None:
    directory = read_directory(write(tmp_path / "m", single() | {f"{name}.json": b"{}"}))
    with pytest.raises(WeightsError, match="rename the file, or remove it"):
        lock_directory(directory)


def test_the_order_of_adding_does_not_matter() -> None:
    one = WeightsLock().with_model("org/a", MODEL).with_model("org/b", MODEL)
    other = WeightsLock().with_model("org/b", MODEL).with_model("org/a", MODEL)
    assert lock.render(one) == lock.render(other)
    assert lock.render(one.without_model("org/b")) == lock.render(WeightsLock({"org/a": MODEL}))


def test_a_lock_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert lock.load(tmp_path / "none.json") == WeightsLock()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: model.pop("files"), "is not a valid lock file"),
        (lambda model: model.update(totalBytes=1), r"models\[\"org/a\"\]\.totalBytes is 1, and the files have"),
        (lambda model: model["files"][0].update(path="../x"), "not a path inside"),
        (lambda model: model["files"][0].update(path="/x"), "not a path inside"),
        (lambda model: model["files"][0].update(sha256="zz"), "not a SHA-256"),
        (
            lambda model: model["files"][0].update(size=-1),
            r"files\[0\]\.size must be a number .*, and is -1",
        ),
        (lambda model: model["files"].append(model["files"][0]), r"\.files has the path .* twice"),
        (lambda model: model["source"].update(kind="ftp"), r"source\.kind must be local or hub, and is 'ftp'"),
        (lambda model: model.update(converter="2"), r"converter must be a number of at least 0, and is '2'"),
        (lambda model: model["files"][0].pop("sha256"), r'models\["org/a"\]\.files\[0\] lacks the key `sha256`'),
        (lambda model: model.update(files=None), r"files must be a list, and is null"),
        (lambda model: model.update(source="hub"), r"source must be an object, and is 'hub'"),
        (lambda model: model.update(dtypes=[]), r"dtypes must be an object, and is a list"),
        (lambda model: model["dtypes"].update(BF16=True), r"dtypes\.BF16 must be a number of at least 0, and is true"),
        (lambda model: model["source"].update(revision=7), r"source\.revision must be a string, and is 7"),
        (lambda model: model.update(proofs=[{"kind": "load"}]), r"\.proofs has a proof that lacks the key `made`"),
        (lambda model: model.update(proofs={}), r"\.proofs cannot be read"),
        (lambda model: model.update(adapter={}), r'models\["org/a"\]\.adapter lacks the key `rank`'),
        (
            lambda model: model.update(adapter={"rank": 8, "baseModel": None, "fits": [1]}),
            r"adapter\.fits\[0\] must be a string",
        ),
    ],
)
def test_a_wrong_form_is_told(tmp_path: Path, change: object, reason: str) -> None:
    content = json.loads(lock.render(WeightsLock({"org/a": MODEL})))
    change(content["models"]["org/a"])  # type: ignore[operator]
    (tmp_path / "lock").write_text(json.dumps(content))
    with pytest.raises(WeightsError, match=reason) as caught:
        lock.load(tmp_path / "lock")
    assert not re.search(r"\w+Error|NoneType|Traceback|<class", str(caught.value))
    assert "restore it from Git" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON from line 1, column 2: restore it from Git"),
        (
            '{"schemaVersion": 2,\n<<<<<<< HEAD\n"models": {}\n=======\n',
            "has a merge conflict in line 2: keep one side",
        ),
        ('{"schemaVersion": 2}', "the document lacks the key `models`"),
        ('{"schemaVersion": 2, "models": []}', "models must be an object, and is a list"),
        ('{"schemaVersion": 2, "models": {"org/a": null}}', r'models\["org/a"\] must be an object, and is null'),
        ("[]", "schemaVersion 1 or 2"),
        ('{"schemaVersion": 3}', "schemaVersion 1 or 2"),
    ],
)
def test_another_file_is_told(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "lock").write_text(text)
    with pytest.raises(WeightsError, match=reason):
        lock.load(tmp_path / "lock")


@pytest.mark.parametrize(
    "name", ["../a", "org/..", "", "org/", "a b/c", "org/*", ".hidden/a", "-x/a", f"org/{'a' * 64}"]
)
def test_a_name_that_is_no_model(name: str) -> None:
    with pytest.raises(WeightsError, match="is not a model name"):
        WeightsLock().with_model(name, MODEL)


def test_a_lock_that_cannot_be_written_stays(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    (target / "x").touch()
    with pytest.raises(WeightsError, match="is unchanged"):
        lock.save(target, WeightsLock())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]
