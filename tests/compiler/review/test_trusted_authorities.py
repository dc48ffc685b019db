"""Newly trusted certificate authorities, and those that no longer are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from aws_fidelity.private_authority import Issued, authority
from lisa_compiler.project.authorities import PUBLIC_AUTHORITIES, bundle_of
from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output, OutputFormatError

from .conftest import ENVIRONMENT
from .outputs import output, resource

PEM_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)
ACME, PARTNER = authority("Acme"), authority("Partner")


def trusting(*added: Issued, bundle: bytes | None = None, region: str = "us-east-1") -> Output:
    content = bundle or (bundle_of([one.certificate for one in added]) if added else None)
    return output({"core": {"Role": resource("IAM::Role")}}, bundle=content, region=region)


def found(before: Output | None, after: Output) -> list[tuple[ImpactCategory, Sequence[str]]]:
    """What is said of authorities: the category and the authorities, by subject."""
    return [
        (impact.category, [item.partition("`, ")[0].strip("`") for item in impact.items])
        for impact in compare(ENVIRONMENT, before, after).impacts
        if "certificate authorit" in impact.text
    ]


def test_unchanged_authorities_are_not_mentioned() -> None:
    assert found(trusting(ACME), trusting(ACME)) == []
    assert found(trusting(), trusting()) == []


def test_added_authority_widens_trust() -> None:
    (impact,) = compare(ENVIRONMENT, trusting(ACME), trusting(ACME, PARTNER)).impacts
    assert impact.category is ImpactCategory.BROADER_ACCESS
    assert impact.text == "Functions and containers trust 1 more certificate authority:"
    fingerprint = PARTNER.certificate.fingerprint(SHA256()).hex(":").upper()
    until = f"{PARTNER.certificate.not_valid_after_utc:%Y-%m-%d}"
    assert impact.items == (f"`CN=Partner`, until {until}, SHA-256 `{fingerprint}`",)


def test_removed_authority_narrows_trust() -> None:
    assert found(trusting(ACME, PARTNER), trusting(PARTNER)) == [(ImpactCategory.REDUCED_RISK, ["CN=Acme"])]


def test_first_bundle_adds_its_own_authorities_and_no_public_ones() -> None:
    assert found(trusting(), trusting(ACME, PARTNER)) == [(ImpactCategory.BROADER_ACCESS, ["CN=Acme", "CN=Partner"])]
    assert found(trusting(ACME), trusting()) == [(ImpactCategory.REDUCED_RISK, ["CN=Acme"])]


def test_authority_with_the_same_name_and_another_key_is_another_one() -> None:
    assert found(trusting(ACME), trusting(authority("Acme"))) == [
        (ImpactCategory.BROADER_ACCESS, ["CN=Acme"]),
        (ImpactCategory.REDUCED_RISK, ["CN=Acme"]),
    ]


def test_reordered_authorities_are_the_same() -> None:
    assert found(trusting(ACME, PARTNER), trusting(PARTNER, ACME)) == []


def test_public_authorities_that_change_are_named() -> None:
    bundle = bundle_of([ACME.certificate])
    less = bundle.replace(PEM_BLOCK.findall(PUBLIC_AUTHORITIES.read_bytes())[0], b"")
    name = "CN=COMODO ECC Certification Authority,O=COMODO CA Limited,L=Salford,ST=Greater Manchester,C=GB"
    assert found(trusting(bundle=less), trusting(bundle=bundle)) == [(ImpactCategory.BROADER_ACCESS, [name])]
    assert found(trusting(bundle=bundle), trusting(bundle=less)) == [(ImpactCategory.REDUCED_RISK, [name])]


def test_new_environment_names_its_authorities() -> None:
    assert found(None, trusting(ACME)) == [(ImpactCategory.BROADER_ACCESS, ["CN=Acme"])]
    assert found(None, trusting()) == []


def test_deployment_in_another_region_names_added_authorities() -> None:
    assert found(trusting(ACME), trusting(ACME, PARTNER, region="eu-west-1")) == [
        (ImpactCategory.BROADER_ACCESS, ["CN=Partner"])
    ]


@pytest.mark.parametrize("name", ["a` **b**", "a\n- b", "a\u202eb", "a\x1b[31mb"])
def test_subject_cannot_change_the_document(name: str) -> None:
    (impact,) = compare(ENVIRONMENT, trusting(ACME), trusting(ACME, authority(name))).impacts
    (item,) = impact.items
    assert item.isprintable()
    assert item.count("`") == 4


def test_name_worded_like_the_heading_hides_no_authority() -> None:
    imitation = authority("Public certificate authorities: Mozilla's list")
    (category, names), *rest = found(trusting(), trusting(imitation, PARTNER))
    assert (category, len(names), rest) == (ImpactCategory.BROADER_ACCESS, 2, [])


@pytest.mark.parametrize(
    "bundle", [b"nonsense", ACME.pem, ACME.pem + PUBLIC_AUTHORITIES.read_bytes().replace(b"MII", b"\xff")]
)
def test_other_bundle_is_not_what_a_compile_writes(bundle: bytes) -> None:
    with pytest.raises(OutputFormatError, match=r"generated/prod/trust has an unexpected format"):
        compare(ENVIRONMENT, trusting(ACME), trusting(bundle=bundle))
