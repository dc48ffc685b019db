"""The intake report of a local model: what is in it, what was found, and where it came from.

Every file that serving needs is read and hashed, and compared with the lock file.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_weights.bounded_json import parse
from lisa_weights.checkpoint.torch_checkpoint import open_checkpoint
from lisa_weights.errors import WeightsError
from lisa_weights.intake.tensor_values import TensorFinding, check_values, is_available
from lisa_weights.lock.lock_file import LockedFile, LockedModel
from lisa_weights.model_directory import digest_files, read_directory
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.steps import Step

_CONFIG_BYTES = 24_000_000
_CONFIG_MEMORY = 240_000_000
_README_BYTES = 1_000_000
_LICENSE_KEYS = re.compile(
    r"^(license|license_name|license_link):[ \t]*[\"']?([^\s\"'#][^\"'\n#]{0,200}?)[\"']?[ \t]*$", re.M
)
_LICENSE_FILE = re.compile(r"(LICEN[SC]E|NOTICE|COPYING|USE_POLICY)([._-].*)?", re.IGNORECASE)
_PICKLES = re.compile(r".+\.(bin|pt|pth|pkl|pickle|ckpt)")


@dataclass(frozen=True, slots=True)
class License:
    """The license that a model states.

    Attributes:
        name: of the README's metadata, such as `apache-2.0`; None where there is none.
        link: of the README's metadata.
        files: texts of licenses in the directory.
    """

    name: str | None
    link: str | None
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A Python file, which a server runs where `trust_remote_code` is set.

    Attributes:
        file: path, size and digest.
        is_named: whether config.json's `auto_map` names it.
    """

    file: LockedFile
    is_named: bool


@dataclass(frozen=True, slots=True)
class PickleFinding:
    """A pickle in the directory; a server does not get it.

    Attributes:
        path: of the file.
        problem: why it was rejected; None where it holds only tensors and plain objects.
        tensors: number of tensors; 0 where it was rejected.
    """

    path: str
    problem: str | None
    tensors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeReport:
    """What a reviewer approves.

    Attributes:
        model: `org/name`.
        locked: its entry in the lock file.
        mismatches: how the directory differs from the lock file, a sentence for each file.
        license: what it states.
        architectures: of config.json.
        model_type: of config.json.
        quantization: the method of config.json; None where it has none.
        context_length: positions of config.json; None where it has none.
        code: every Python file.
        chat_templates: the files that have one, with the digests of the templates.
        pickles: findings of every pickle.
        values: tensors with NaN, infinity or nothing but zeros; None where numpy is not installed.
        not_served: files that serving does not need, each with the reason.
        checkpoint: digests of the PyTorch checkpoint that the weights were converted from.
        is_read: whether the files were read; otherwise everything but the lock file's entry is unknown.
    """

    model: str
    locked: LockedModel
    mismatches: tuple[str, ...]
    license: License
    architectures: tuple[str, ...]
    model_type: str | None
    quantization: str | None
    context_length: int | None
    code: tuple[CodeFile, ...]
    chat_templates: tuple[LockedFile, ...]
    pickles: tuple[PickleFinding, ...]
    values: tuple[TensorFinding, ...] | None
    not_served: tuple[OmittedFile, ...]
    checkpoint: tuple[LockedFile, ...]
    is_read: bool = True


def report_of_entry(model: str, locked: LockedModel) -> IntakeReport:
    """Report what the lock file has of a model that is not on this disk, as in a pipeline.

    Args:
        model: `org/name`.
        locked: its entry.
    """
    return IntakeReport(
        model=model,
        locked=locked,
        mismatches=(),
        license=License(None, None, ()),
        architectures=(),
        model_type=None,
        quantization=None,
        context_length=None,
        code=tuple(CodeFile(file, False) for file in locked.files if file.path.endswith(".py")),
        chat_templates=tuple(file for file in locked.files if file.path.endswith(".jinja")),
        pickles=(),
        values=None,
        not_served=(),
        checkpoint=(),
        is_read=False,
    )


def examine(model: str, directory: Path, locked: LockedModel, step: Step) -> IntakeReport:
    """Examine a local model.

    Args:
        model: `org/name`.
        directory: its directory.
        locked: its entry in the lock file.
        step: shows the progress.

    Raises:
        WeightsError: the model is not on the disk, or a file cannot be read.
    """
    found = read_directory(directory)
    if not found.files:
        raise WeightsError(f"{directory} does not exist. Run `lisa weights download {model}` first.")
    names = {*found.files, *(omitted.path for omitted in found.omitted), *found.checkpoint}
    code_names = sorted(name for name in names if name.endswith(".py"))
    hashed = {*found.files, *code_names, *found.checkpoint}
    with step(f"reading {model}", sum((directory / name).stat().st_size for name in hashed)) as progress:
        digests = {file.path: file for file in digest_files(directory, hashed, progress)}
    values = None
    if is_available():
        weights = [name for name in found.files if name.endswith(".safetensors")]
        with step(f"checking the tensors of {model}", sum(found.files.get(name, 0) for name in weights)) as progress:
            values = check_values(directory, weights, progress)
    config = _json(directory / "config.json")
    quantized = config.get("quantization_config")
    named = _named_modules(config)
    return IntakeReport(
        model=model,
        locked=locked,
        mismatches=_mismatches({name: digests[name] for name in found.files}, locked),
        license=_license(directory, names),
        architectures=tuple(each for each in _list(config.get("architectures")) if isinstance(each, str)),
        model_type=_text(config.get("model_type")),
        quantization=_text(quantized.get("quant_method")) if isinstance(quantized, dict) else None,
        context_length=_number(config.get("max_position_embeddings")),
        code=tuple(CodeFile(digests[name], name.removesuffix(".py") in named) for name in code_names),
        chat_templates=_chat_templates(directory, names),
        pickles=tuple(_pickle(directory, name) for name in sorted(names) if _PICKLES.fullmatch(name)),
        values=values,
        not_served=found.omitted,
        checkpoint=tuple(digests[name] for name in found.checkpoint),
    )


def _mismatches(digests: Mapping[str, LockedFile], locked: LockedModel) -> tuple[str, ...]:
    expected = {file.path: file for file in locked.files}
    found = [f"{name} is not in the lock file" for name in digests.keys() - expected.keys()]
    found += [f"{name} is missing" for name in expected.keys() - digests.keys()]
    found += [
        f"{name} does not match the lock file"
        for name in digests.keys() & expected.keys()
        if digests[name] != expected[name]
    ]
    return tuple(sorted(found))


def _license(directory: Path, names: set[str]) -> License:
    stated: dict[str, str] = {}
    readme = directory / "README.md"
    if readme.is_file():
        with readme.open("rb") as stream:
            start = stream.read(_README_BYTES).decode("utf-8", "replace")
        if start.startswith("---"):
            stated = dict(_LICENSE_KEYS.findall(start.partition("\n---")[0]))
    files = sorted(name for name in names if "/" not in name and _LICENSE_FILE.fullmatch(name))
    return License(stated.get("license_name") or stated.get("license"), stated.get("license_link"), tuple(files))


def _named_modules(config: Mapping[str, Any]) -> set[str]:
    """Modules of `auto_map`, whose values are `module.Class` or `repository--module.Class`."""
    named = config.get("auto_map")
    values = [each for value in named.values() for each in _list(value)] if isinstance(named, dict) else []
    return {each.rpartition("--")[2].rpartition(".")[0].replace(".", "/") for each in values if isinstance(each, str)}


def _chat_templates(directory: Path, names: set[str]) -> tuple[LockedFile, ...]:
    files = sorted(name for name in names if name.endswith(".jinja"))
    found = list(digest_files(directory, files))
    for name in ("tokenizer_config.json", "processor_config.json", "chat_template.json"):
        template = _json(directory / name).get("chat_template")
        texts = (
            [template]
            if isinstance(template, str)
            else [_text(each.get("template")) for each in _list(template) if isinstance(each, dict)]
        )
        for text in texts:
            if text is not None:
                content = text.encode("utf-8", "surrogatepass")
                found.append(LockedFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return tuple(found)


def _pickle(directory: Path, name: str) -> PickleFinding:
    try:
        with tempfile.TemporaryDirectory() as scratch, open_checkpoint(directory / name, Path(scratch)) as checkpoint:
            return PickleFinding(name, None, len(checkpoint.tensors))
    except WeightsError as error:
        return PickleFinding(name, str(error), 0)


def _json(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where the file is absent, too large or not one."""
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        content = stream.read(_CONFIG_BYTES)
    try:
        found = parse(content, _CONFIG_MEMORY)
    except WeightsError:
        return {}
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
