"""What `lisa init` asks: the fields that have no default."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lisa_schema.errors import LisaError
from lisa_schema.regions import region

Answers = Mapping[str, str]
"""By the name of the question, for an environment's own as `prod.region`."""

ENVIRONMENTS: Final = "environments"
_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}\Z")
_RESERVED: Final = ("base", "env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        name: its name, for `--set`.
        text: what is asked.
        path: key of the configuration that the answer is written to; empty for the names of the environments.
        each: whether every environment has an answer of its own.
        optional: whether the answer may be blank.
        example: an answer that is valid beside the other examples.
        default: proposes an answer from those before it, for an environment; None when nothing can be proposed.
        asked: whether it is asked at all, after those before it.
    """

    name: str
    text: str
    path: str = ""
    each: bool = False
    optional: bool = False
    example: str = ""
    default: Callable[[Answers, str], str | None] = lambda _answers, _environment: None
    asked: Callable[[Answers, str], bool] = lambda _answers, _environment: True


def environment_names(answers: Answers) -> tuple[str, ...]:
    """The environments, in the order in which they are deployed."""
    return tuple(re.split(r"[\s,]+", answers[ENVIRONMENTS].strip(", ")))


def _before(name: str) -> Callable[[Answers, str], str | None]:
    """Propose what the environment before has."""

    def propose(answers: Answers, environment: str) -> str | None:
        names = environment_names(answers)
        index = names.index(environment)
        return answers.get(f"{names[index - 1]}.{name}") if index else None

    return propose


def _bucket(answers: Answers, environment: str) -> str:
    return f"{answers['deploymentName']}-{environment}-models-{answers[f'{environment}.accountNumber']}".lower()[:63]


def deployment_names(answers: Answers) -> dict[str, str]:
    """The deploymentName of each environment: with its own name behind it where an earlier one has the same account
    and Region, since names of some tables and parameters have nothing else of the environment in them.
    """
    found: dict[str, str] = {}
    used: set[tuple[str, str]] = set()
    for name in environment_names(answers):
        place = answers[f"{name}.accountNumber"], answers[f"{name}.region"]
        found[name] = f"{answers['deploymentName']}-{name}" if place in used else answers["deploymentName"]
        used.add(place)
    return found


def is_isolated(name: str) -> bool:
    """Whether a region has no internet, so that no pipeline of GitHub's reaches it."""
    found = region(name)
    return found is not None and found.partition.is_iso


QUESTIONS: Final = (
    Question(
        name="deploymentName",
        text="Name of the deployment, the prefix of its stack names",
        path="deploymentName",
        example="lisa",
    ),
    Question(
        name=ENVIRONMENTS,
        text="Environments, in promotion order",
        example="dev prod",
        default=lambda _answers, _environment: "dev prod",
    ),
    Question(
        name="authority",
        text="Issuer URL of your identity provider (OpenID Connect)",
        path="authConfig.authority",
        example="https://idp.example.com",
    ),
    Question(
        name="clientId",
        text="Client ID registered with the identity provider",
        path="authConfig.clientId",
        example="lisa",
    ),
    Question(
        name="adminGroup",
        text="Group whose members manage models (blank for none)",
        path="authConfig.adminGroup",
        optional=True,
        default=lambda _answers, _environment: "",
    ),
    Question(
        name="jwtGroupsProperty",
        text="Path of the groups claim in a token, such as cognito:groups or realm_access.roles",
        path="authConfig.jwtGroupsProperty",
        optional=True,
        default=lambda answers, _: "cognito:groups" if "cognito-idp." in answers["authority"] else "realm_access.roles",
        asked=lambda answers, _: bool(answers["adminGroup"]),
    ),
    Question(
        name="accountNumber",
        text="AWS account, twelve digits",
        path="accountNumber",
        each=True,
        example="123456789012",
        default=_before("accountNumber"),
    ),
    Question(name="region", text="Region", path="region", each=True, example="us-east-1", default=_before("region")),
    Question(
        name="s3BucketModels",
        text="Bucket for model weights",
        path="s3BucketModels",
        each=True,
        example="lisa-models",
        default=_bucket,
    ),
    Question(
        name="indexUrl",
        text="Package index of the air-gapped network, for builds",
        path="pypiConfig.indexUrl",
        each=True,
        example="https://pypi.example.com/simple",
        asked=lambda answers, environment: is_isolated(answers[f"{environment}.region"]),
    ),
    Question(
        name="certificate",
        text="ARN of the gateway's TLS certificate (blank: accessible from the VPC only, without TLS)",
        path="restApiConfig.loadBalancerConfig.sslCertIamArn",
        each=True,
        optional=True,
        default=lambda _answers, _environment: "",
    ),
    Question(
        name="internetFacing",
        text="Is the gateway internet-facing, true or false",
        path="restApiConfig.internetFacing",
        each=True,
        example="false",
        default=lambda _answers, _environment: "false",
        asked=lambda answers, environment: bool(answers[f"{environment}.certificate"]),
    ),
)
"""In the order in which they are asked."""


def environments_mistake(text: str) -> str | None:
    """Say what is wrong with the names of the environments; None when nothing is."""
    names = environment_names({ENVIRONMENTS: text})
    for name in names:
        if not _ENVIRONMENT_NAME.match(name) or name in _RESERVED:
            return f"`{name}` is not a valid environment name: use letters, digits and hyphens."
    return None if len(set(names)) == len(names) else "An environment is listed twice."


def example_answers(given: Answers) -> dict[str, str]:
    """Fill what is not answered with examples, so that what is answered can be judged."""
    answers = {question.name: question.example for question in QUESTIONS if not question.each} | dict(given)
    for name in environment_names(answers):
        for question in QUESTIONS:
            if question.each:
                answers.setdefault(f"{name}.{question.name}", question.example)
    return answers


def steps(answers: Mapping[str, str]) -> Iterator[tuple[Question, str, str]]:
    """Yield question, environment and the answer's name in the order of asking; `answers` may grow meanwhile."""
    shared = [question for question in QUESTIONS if not question.each]
    for question in shared:
        if question.asked(answers, ""):
            yield question, "", question.name
    for environment in environment_names(answers):
        for question in QUESTIONS:
            if question.each and question.asked(answers, environment):
                yield question, environment, f"{environment}.{question.name}"


def given_answers(assignments: Sequence[str]) -> dict[str, str]:
    """Read `--set NAME=VALUE` and `--set ENVIRONMENT.NAME=VALUE`.

    Raises:
        LisaError: an assignment has no value, or names no question.
    """
    given: dict[str, str] = {}
    known = {question.name: question for question in QUESTIONS}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        environment, _, question = name.rpartition(".")
        if not equals or question not in known or (environment and not known[question].each):
            raise LisaError(f"--set {assignment}: use NAME=VALUE with one of the names {', '.join(known)}.")
        given[name] = value.strip()
    return given


def answer_for(given: Answers, question: Question, name: str) -> str | None:
    """What was given for a question: for the environment, else for all of them."""
    return given.get(name, given.get(question.name))
