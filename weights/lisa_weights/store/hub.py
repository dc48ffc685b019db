"""Models from the Hugging Face Hub: the files that serving needs, of one resolved commit.

huggingface_hub stores the state of a download in `.cache/` inside the model's directory, and resumes from it. The
token comes from HF_TOKEN in the environment alone, never from an argument or a saved login. HF_ENDPOINT names a mirror.
The content of each file is compared with the digest that the Hub reports for the commit.
"""

from __future__ import annotations

import glob
import importlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, BinaryIO

from lisa_weights.errors import WeightsError
from lisa_weights.lock.model_names import require_model_name
from lisa_weights.serving.closure import find_closure
from lisa_weights.serving.model_files import ModelFiles
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.store.hub_digests import DigestKind, HubDigest, content_mismatches, hub_digest

DEFAULT_REVISION = "main"

_HTTP_CLIENTS = frozenset({"httpx", "httpcore", "httpx2", "httpcore2", "requests"})
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A model that was fetched.

    Attributes:
        path: its directory.
        revision: the commit, forty hexadecimal digits.
        files: paths that were fetched, sorted; a PyTorch checkpoint if the Hub has no safetensors.
        needs_conversion: whether the weights are such a checkpoint.
    """

    path: Path
    revision: str
    files: tuple[str, ...]
    needs_conversion: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a model that would be fetched from the Hub.

    Attributes:
        model: `org/name`.
        revision: the commit that the wanted revision is.
        files: paths with their sizes in bytes, sorted by path; a size is None if the Hub does not report it.
        needs_conversion: whether the weights are a PyTorch checkpoint.
        digests: the digest of each file, by path.
        omitted: the other files, each with the reason.
    """

    model: str
    revision: str
    files: tuple[tuple[str, int | None], ...]
    needs_conversion: bool
    digests: Mapping[str, HubDigest] = field(default_factory=dict)
    omitted: tuple[OmittedFile, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Bytes of all files whose size the Hub reports."""
        return sum(size or 0 for _, size in self.files)

    @property
    def sha256(self) -> dict[str, str]:
        """SHA-256 by path, of the files whose SHA-256 the Hub reports: those in Git LFS or Xet storage."""
        return {path: digest.value for path, digest in self.digests.items() if digest.kind is DigestKind.SHA256}


def look_up(model: str, *, revision: str = DEFAULT_REVISION) -> Listing:
    """Look up on the Hub which files of a model serving needs, without fetching them.

    Args:
        model: `org/name`, as on its model card.
        revision: branch, tag or commit.

    Raises:
        WeightsError: the model is gated or not there, it has no weights that can be used, or the Hub does not answer.
    """
    require_model_name(model)
    hub = _library()
    with _Explained(hub, model, revision):
        info = hub.HfApi().model_info(model, revision=revision, files_metadata=True, token=_token())
    sizes: dict[str, int | None] = {file.rfilename: file.size for file in info.siblings or ()}
    digests = {file.rfilename: hub_digest(file) for file in info.siblings or ()}
    with _Explained(hub, model, revision), TemporaryDirectory() as directory:
        listed = _ListedFiles(hub, model, str(info.sha), digests, Path(directory))
        files = ModelFiles({path: size or 0 for path, size in sizes.items()}, listed.open)
        closure = find_closure(files, trust_names=True)
    if closure.problems:
        raise WeightsError(f"{model} cannot be used as it is on the Hub: {'; '.join(closure.problems)}.")
    has_safetensors = any(name.endswith(".safetensors") and "/" not in name for name in closure.files)
    at_root = () if has_safetensors else tuple(name for name in closure.checkpoint if "/" not in name)
    if not at_root and not has_safetensors:
        raise WeightsError(f"{model} has neither safetensors nor a PyTorch checkpoint on the Hub: use another model.")
    checkpoint = (*at_root, *(path for path in closure.checkpoint if path.rpartition("/")[0] in closure.unconverted))
    if not _COMMIT.fullmatch(str(info.sha)):
        raise WeightsError(f"The Hub has no commit id for {revision} of {model}. Pass a commit with --revision.")
    names = sorted({*closure.files, *checkpoint})
    return Listing(
        model=model,
        revision=str(info.sha),
        files=tuple((name, sizes[name]) for name in names),
        needs_conversion=bool(checkpoint),
        digests={name: digest for name in names if (digest := digests[name]) is not None},
        omitted=closure.omitted,
    )


@dataclass(frozen=True, slots=True)
class _ListedFiles:
    """The files of a commit; those that are read are downloaded into a directory, and verified before they are used."""

    hub: ModuleType
    model: str
    commit: str
    digests: Mapping[str, HubDigest | None]
    directory: Path

    def open(self, path: str) -> BinaryIO:
        """Open a file that the commit lists."""
        digest = self.digests.get(path)
        if digest is None:
            raise _unknown_digest(self.hub, self.model, [path])
        if not (self.directory / path).is_file():
            self.hub.hf_hub_download(self.model, path, revision=self.commit, token=_token(), local_dir=self.directory)
            _reject_other_content(self.directory, self.model, self.commit, {path: digest}, _endpoint(self.hub))
        return (self.directory / path).open("rb")


def fetch(listing: Listing, directory: Path) -> Fetched:
    """Fetch the listed files; run again after an interruption, it resumes.

    Args:
        listing: the files and the commit.
        directory: `models/<org>/<name>`; it is made when it does not exist.

    Raises:
        WeightsError: the model is gated or not there, the Hub does not answer or reports no digest of a file, the disk
            is full, or a file has other content than the Hub reports; such a file is removed.
    """
    hub = _library()
    names = tuple(name for name, _ in listing.files)
    unknown = [name for name in names if name not in listing.digests]
    if unknown:
        raise _unknown_digest(hub, listing.model, unknown)
    hub.utils.disable_progress_bars()  # the caller shows its own
    with _Explained(hub, listing.model, listing.revision):
        hub.snapshot_download(
            listing.model,
            revision=listing.revision,
            local_dir=directory,
            token=_token(),
            allow_patterns=[glob.escape(name) for name in names],
        )
    missing = [name for name, size in listing.files if not _is_whole(directory / name, size)]
    if missing:
        raise WeightsError(f"The Hub did not return {', '.join(missing)} of {listing.model}: rerun the command.")
    with _Explained(hub, listing.model, listing.revision):
        _reject_other_content(directory, listing.model, listing.revision, listing.digests, _endpoint(hub))
    return Fetched(path=directory, revision=listing.revision, files=names, needs_conversion=listing.needs_conversion)


def _unknown_digest(hub: ModuleType, model: str, paths: Sequence[str]) -> WeightsError:
    return WeightsError(
        f"{_endpoint(hub)} reports no digest of {', '.join(paths)} in {model}: set HF_ENDPOINT to a "
        f"mirror that returns the Hub's file metadata, or add the model to models/{model} yourself."
    )


def _reject_other_content(
    directory: Path, model: str, commit: str, digests: Mapping[str, HubDigest], endpoint: str
) -> None:
    """Remove the files with other content than the Hub reports, and report them."""
    wrong = content_mismatches(directory, digests)
    if not wrong:
        return
    for mismatch in wrong:
        (directory / mismatch.path).unlink()
    listed = "; ".join(
        f"{each.path} has the {each.expected.kind} {each.found.value} instead of {each.expected.value}"
        for each in wrong
    )
    raise WeightsError(
        f"What {endpoint} returned for {model} differs from the digests that it reports for commit {commit}: {listed}. "
        "These files were removed: rerun the command, and if it fails again, set HF_ENDPOINT to another mirror."
    )


def _endpoint(hub: ModuleType) -> str:
    return str(hub.HfApi().endpoint)


def _token() -> str | bool:
    """HF_TOKEN, or False, which keeps huggingface_hub from using a login that the machine has saved."""
    return os.environ.get("HF_TOKEN", "").strip() or False


def _is_whole(path: Path, size: int | None) -> bool:
    return path.is_file() and size in (None, path.stat().st_size)


def _library() -> ModuleType:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise WeightsError(
            "Downloads from the Hub require huggingface_hub: install it with `pip install huggingface_hub`."
        ) from error


class _Explained:
    """Turns errors of huggingface_hub into a WeightsError with the fix."""

    def __init__(self, hub: ModuleType, model: str, revision: str) -> None:
        self._errors = importlib.import_module(f"{hub.__name__}.errors")
        self._model = model
        self._revision = revision

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the WeightsError for an error; a WeightsError passes."""
        if not isinstance(error, Exception) or isinstance(error, WeightsError):
            return
        text = _explanation(error, self._errors, self._model, self._revision)
        if text is not None:
            raise WeightsError(text) from error


def _explanation(error: Exception, errors: Any, model: str, revision: str) -> str | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    token = "its token in HF_TOKEN" if not os.environ.get("HF_TOKEN") else "a token that may read it in HF_TOKEN"
    text: str | None = None
    if isinstance(error, errors.HFValidationError):
        text = f"“{model}” is not a model name: use the name on its model card, such as `org/name`."
    elif isinstance(error, errors.GatedRepoError):
        text = f"{model} is gated: accept its terms on its model card, set {token} and rerun the command."
    elif isinstance(error, errors.RepositoryNotFoundError):
        text = (
            f"The Hub has no model {model}, or the token has no access: check its name; if it is private, set {token}."
        )
    elif isinstance(error, errors.RevisionNotFoundError):
        text = f"{model} has no revision {revision}: pass an existing branch, tag or commit with --revision."
    elif status == 401:
        text = f"The Hub rejects the token: set {token}, or unset it for a public model."
    elif status == 403:
        text = f"The Hub denies access to {model}: set {token}."
    elif status == 429:
        text = "The Hub reports too many requests. Wait a few minutes and rerun the command."
    elif isinstance(error, errors.HfHubHTTPError) and status is not None:
        text = f"The Hub returned {status} for {model}: try again later, or add the model to models/ yourself."
    elif isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)) or _is_network(error):
        text = (
            f"The Hub is unreachable for {model}: check the network, the proxy and HF_HUB_OFFLINE, "
            f"or add the model to models/{model} yourself."
        )
    elif isinstance(error, OSError):
        reason = error.strerror or str(error)
        text = f"{model} could not be written: {reason}. Free up space or check the permissions of models/, and rerun."
    elif isinstance(error, RuntimeError):  # what hf_xet, the Hub's transfer library, raises
        text = f"The transfer of {model} failed ({error}): rerun the command to resume."
    return text


def _is_network(error: BaseException) -> bool:
    """Whether the HTTP client raised it; huggingface_hub versions use different clients."""
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    return any(parent.__module__.partition(".")[0] in _HTTP_CLIENTS for parent in type(error).__mro__)
