"""Certificate authorities: which ones functions and containers trust, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lisa_compiler.project.authorities import read_bundle
from lisa_compiler.review.formatting import pluralize
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, OutputFormatError

_KEY = "certificateAuthorityBundle"
_Authorities = Mapping[str, bytes]
"""Certificates in DER by their SHA-256 fingerprint, in the order of a bundle."""


def compare_authorities(before: Output | None, after: Output) -> Iterator[Impact]:
    """Find which authorities are trusted that were not, and which no longer are.

    Without a bundle, functions and containers trust the public authorities of their images.

    Raises:
        OutputFormatError: a bundle is not what a compile writes.
    """
    if before is None or before.trust_bundle != after.trust_bundle:
        was, is_ = _authorities(before), _authorities(after)
        old, new = _all(was or ({}, is_[1] if is_ else {})), _all(is_ or ({}, was[1] if was else {}))
        yield from _bundle(old, new)
    yield from _files(before, after)


def _bundle(old: _Authorities, new: _Authorities) -> Iterator[Impact]:
    more = [_shown(name, der) for name, der in new.items() if name not in old]
    less = [_shown(name, der) for name, der in old.items() if name not in new]
    if more:
        number = pluralize(len(more), "more certificate authority", "more certificate authorities")
        yield Impact(ImpactCategory.BROADER_ACCESS, f"Functions and containers trust {number}:", tuple(more))
    if less:
        number = pluralize(len(less), "certificate authority", "certificate authorities")
        yield Impact(ImpactCategory.REDUCED_RISK, f"Functions and containers no longer trust {number}:", tuple(less))


def _files(before: Output | None, after: Output) -> Iterator[Impact]:
    """Authorities in a file of the instances' image: nothing in the output says which they are."""
    old, new = (_file_on_instances(output) if output else "" for output in (before, after))
    if new and new != old:
        text = (
            f"Containers trust the certificate authorities in `{new}` on the instances; the output does not list them."
        )
        yield Impact(ImpactCategory.BROADER_ACCESS, text)
    if old and new != old:
        text = f"Containers no longer trust the certificate authorities in `{old}` on the instances."
        yield Impact(ImpactCategory.REDUCED_RISK, text)


def _file_on_instances(output: Output) -> str:
    path = str(output.configuration().get(_KEY, ""))
    return path if path.startswith("/") else ""


def _authorities(output: Output | None) -> tuple[_Authorities, _Authorities] | None:
    """Added and public authorities; None without a bundle."""
    if output is None or not output.trust_bundle:
        return None
    try:
        return read_bundle(output.trust_bundle)
    except ValueError as error:
        folder = f"generated/{output.environment}"
        raise OutputFormatError(
            f"{folder}/trust has an unexpected format. Run `lisa compile --env {output.environment}`."
        ) from error


def _all(authorities: tuple[_Authorities, _Authorities]) -> _Authorities:
    added, public = authorities
    return {**added, **public}


def _shown(fingerprint: str, der: bytes) -> str:
    """Subject, last day and fingerprint. The subject is foreign text: it must not end the code of the Markdown."""
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415  # 50 ms, for changed bundles alone

    certificate = load_der_x509_certificate(der)
    subject = certificate.subject.rfc4514_string() or "(no subject)"
    plain = "".join(character if character.isprintable() and character != "`" else "?" for character in subject)
    digits = bytes.fromhex(fingerprint).hex(":").upper()
    return f"`{plain}`, until {certificate.not_valid_after_utc:%Y-%m-%d}, SHA-256 `{digits}`"
