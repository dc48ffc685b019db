"""ARNs of secrets and parameters in the forms of ECS, and what a policy permits for each."""

from __future__ import annotations

import pytest

from lisa_schema.arns import parse_arn, secret_reference

STEM = "arn:aws:secretsmanager:us-east-1:012345678901:secret:"
PARAMETER = "arn:aws-us-gov:ssm:us-gov-west-1:012345678901:parameter/"


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        (f"{STEM}team/key-AbCdEf", [f"{STEM}team/key-AbCdEf"]),
        (f"{STEM}key-a1B2c3:password::", [f"{STEM}key-a1B2c3"]),
        (f"{STEM}key-a1B2c3::AWSPREVIOUS:", [f"{STEM}key-a1B2c3"]),
        (f"{STEM}key-a1B2c3:k::01234567-89ab-cdef-0123-456789abcdef", [f"{STEM}key-a1B2c3"]),
        (f"{STEM}team/key", [f"{STEM}team/key-??????"]),
        (f"{STEM}key:password::", [f"{STEM}key-??????"]),
        *(
            (f"{STEM}db-{word}", [f"{STEM}db-{word}", f"{STEM}db-{word}-??????"])
            for word in ("secret", "key123", "OpenAI")
        ),
        (f"{PARAMETER}team/key", [f"{PARAMETER}team/key"]),
        (f"{PARAMETER}key:3", [f"{PARAMETER}key"]),
    ],
)
def test_resources_are_those_of_the_secret(text: str, resources: list[str]) -> None:
    reference = secret_reference(text)
    assert reference is not None
    assert (list(reference.resources), reference.problem) == (resources, "")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (f"{STEM}key-AbCdEf:password", f"Write `{STEM}key-AbCdEf:password::`."),
        (f"{STEM}key-AbCdEf:password:AWSCURRENT:1", f"Write `{STEM}key-AbCdEf:password:AWSCURRENT:`."),
        (f"{STEM}key-AbCdEf:a:b:c:d", f"Write `{STEM}key-AbCdEf:a:b:`."),
        (f" {STEM}key-AbCdEf", f"Write `{STEM}key-AbCdEf`."),
        (PARAMETER.replace("parameter/", "parameter//team/key"), f"Write `{PARAMETER}team/key`"),
        (PARAMETER.replace("parameter/", "parameter:key"), f"Write `{PARAMETER}key`"),
    ],
)
def test_fix_of_a_wrong_form_is_accepted(text: str, fix: str) -> None:
    reference = secret_reference(text)
    assert reference is not None
    assert reference.problem
    assert reference.fix.startswith(fix)
    corrected = secret_reference(fix.removeprefix("Write `").removesuffix(".").removesuffix("`"))
    assert corrected is not None
    assert not corrected.problem


@pytest.mark.parametrize(
    "text", ["", "/team/key", "arn:aws:s3:::bucket", "arn:aws:ssm:us-east-1:012345678901:document/x"]
)
def test_other_texts_are_no_references(text: str) -> None:
    assert secret_reference(text) is None


def test_arn_of_a_global_resource_has_no_region() -> None:
    arn = parse_arn("arn:aws-cn:iam::012345678901:policy/team/Boundary")
    assert arn is not None
    assert (arn.partition, arn.region, arn.stem) == ("aws-cn", "", "arn:aws-cn:iam::012345678901:")
