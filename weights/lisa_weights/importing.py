"""Import a model into models/ from whatever it was carried in, atomically, without the network.

The carrier is opened and its files are chosen before anything is written; they are put into a temporary directory,
verified, and moved into place at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lisa_weights import disk
from lisa_weights.carriers.carrier import Carrier, CarrierKind, open_carrier
from lisa_weights.carriers.placement import LINKED_FROM, is_on_disk_of, place
from lisa_weights.errors import WeightsError
from lisa_weights.lock.fingerprint import Stamp, stamp
from lisa_weights.lock.model_names import require_model_name
from lisa_weights.model_shapes import ADAPTER_CONFIG, ModelFiles, choose_files
from lisa_weights.origin import arrived_from, note_arrival
from lisa_weights.safetensors.dropped_names import read_config
from lisa_weights.steps import Step, no_progress
from lisa_weights.temporary_directory import temporary_directory

_REPLACED = ".lisa-replaced-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A model that was imported.

    Attributes:
        model: `org/name`.
        path: its directory.
        carrier: what it was carried in.
        files: the files that were chosen, by the paths in the carrier, and the reasons for all others.
        sizes: bytes of each file by its path in the model's directory.
        verified: paths whose content matched the digest that the carrier states.
        revision: the commit on the Hub, where the carrier states it.
        quantization: the method, such as `gptq`; None where the weights are not quantized.
        base_model: of an adapter, where it names one.
    """

    model: str
    path: Path
    carrier: CarrierKind
    files: ModelFiles
    sizes: Mapping[str, int]
    verified: tuple[str, ...]
    revision: str | None
    quantization: str | None
    base_model: str | None


def import_model(
    source: Path,
    models: Path,
    model: str | None = None,
    *,
    replace: bool = False,
    step: Step = no_progress,
) -> Imported:
    """Import a model from a directory, a Hugging Face cache, a tar archive or an OCI layout.

    A model that is there from the same carrier is kept if neither has changed, so that an import that was interrupted
    before the model was locked can be run again.

    Args:
        source: the carrier.
        models: directory of the local models.
        model: `org/name`; None for the name that a cache states.
        replace: whether an existing directory of the model is replaced.
        step: shows the progress.

    Raises:
        WeightsError: the carrier or its form is refused, a digest differs, the model exists, its name is unknown, or
            the disk is full. models/ is then unchanged.
    """
    with open_carrier(source, _free(models)) as carrier:
        name = model or carrier.model
        if name is None:
            raise WeightsError(f"The name of the model in {source} is unknown: pass `--as org/name`.")
        target = models / require_model_name(name)
        paths = [path for path in carrier.tree.entries if path.startswith(carrier.prefix)]
        files = choose_files([path.removeprefix(carrier.prefix) for path in paths])
        if carrier.kind is not CarrierKind.HUB_CACHE:
            files = files.leaving_out(carrier.tree.entries.keys() - set(paths), f"outside of {carrier.prefix}")
        sizes = {kept: carrier.tree.entries[carrier.prefix + path].size for path, kept in sorted(files.taken.items())}
        verified: tuple[str, ...] = ()
        with disk.explain_errors(target, "imported"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary_directory(target.parent, "importing into") as waiting:
                _recover(target)
                is_resumed = not replace and arrived_from(target, _stamps(carrier, files, source))
                if target.exists() and not (replace or is_resumed):
                    raise WeightsError(
                        f"{target} exists: pass `--replace` to replace it, or `--as org/name` for another name."
                    )
                if not is_resumed:
                    _require_space(carrier, files, target)
                    ready = waiting / target.name
                    ready.mkdir()
                    verified = _place_all(carrier, files, ready, f"importing {name}", step)
                    note_arrival(ready, carrier.revision, sizes, _stamps(carrier, files, source))
                    _move(ready, target)
                details = _read_details(target)
    return Imported(
        model=name,
        path=target,
        carrier=carrier.kind,
        files=files,
        sizes=sizes,
        verified=verified,
        revision=carrier.revision,
        quantization=details.quantization,
        base_model=details.base_model,
    )


def _place_all(carrier: Carrier, files: ModelFiles, ready: Path, title: str, step: Step) -> tuple[str, ...]:
    chosen = {carrier.prefix + path: target for path, target in files.taken.items()}
    total = sum(carrier.tree.entries[path].size for path in chosen)
    verified = []
    with step(title, total) as progress:
        for path in carrier.tree.entries:
            if (kept := chosen.get(path)) is None:
                continue
            target = ready / kept
            target.parent.mkdir(parents=True, exist_ok=True)
            is_cached = carrier.kind is CarrierKind.HUB_CACHE
            report = partial(progress, kept)
            if place(carrier.tree, path, target, report, blobs_are_digests=is_cached):
                verified.append(kept)
    return tuple(sorted(verified))


def _stamps(carrier: Carrier, files: ModelFiles, source: Path) -> dict[str, Stamp]:
    """Stamps of the files that were chosen, in the carrier; of an archive, its own."""
    chosen = {carrier.tree.location(carrier.prefix + path) or source for path in files.taken}
    return {str(path.resolve()): stamp(path) for path in sorted(chosen)}


def _free(models: Path) -> int:
    existing = next(path for path in (models.absolute(), *models.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _require_space(carrier: Carrier, files: ModelFiles, target: Path) -> None:
    needed = 0
    for path in files.taken:
        source, size = carrier.tree.location(carrier.prefix + path), carrier.tree.entries[carrier.prefix + path].size
        can_be_linked = source is not None and size >= LINKED_FROM and is_on_disk_of(source, target.parent)
        needed += 0 if can_be_linked else size
    disk.require_space(target.parent, needed, target.name, "import")


def _recover(target: Path) -> None:
    """Complete or undo the replacement of a directory that was interrupted."""
    replaced = target.parent / f"{_REPLACED}{target.name}"
    if not replaced.is_dir():
        return
    if target.exists():
        shutil.rmtree(replaced)
    else:
        replaced.rename(target)


def _move(ready: Path, target: Path) -> None:
    replaced = target.parent / f"{_REPLACED}{target.name}"
    if target.exists():
        target.rename(replaced)
    try:
        ready.rename(target)
    except OSError:
        if replaced.is_dir():
            replaced.rename(target)
        raise
    if replaced.is_dir():
        shutil.rmtree(replaced)


@dataclass(frozen=True, slots=True)
class _Details:
    quantization: str | None
    base_model: str | None


def _read_details(directory: Path) -> _Details:
    config = _document(directory / "config.json")
    stated = config.get("quantization_config")
    method = stated.get("quant_method") if isinstance(stated, dict) else None
    modelopt = _document(directory / "hf_quant_config.json").get("quantization")
    algorithm = modelopt.get("quant_algo") if isinstance(modelopt, dict) else None
    older = {"quantize_config.json": "gptq", "quant_config.json": "awq"}
    guessed = next((name for file, name in older.items() if (directory / file).is_file()), None)
    found = next((str(each).lower() for each in (algorithm, method, guessed) if each), None)
    base = _document(directory / ADAPTER_CONFIG).get("base_model_name_or_path")
    return _Details(found, base if isinstance(base, str) and base else None)


def _document(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        return read_config(stream)
