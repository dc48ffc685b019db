"""`lisa fit`: whether models fit their instances, which type to choose, and what it costs."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.options import (
    Environment,
    ProjectDirectory,
    Region,
    command_group,
    takes,
)
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.fit.assessment import ModelAssessment, assess
from lisa_compiler.fit.data_report import answer_as_json
from lisa_compiler.fit.measuring import RunContext, append_run, compare_log
from lisa_compiler.fit.questions import (
    FitRequest,
    ProjectFacts,
    ask,
    ask_all,
    unknown_model,
    unread_variables,
    usual_engine,
)
from lisa_compiler.fit.rendering import Judged, judged_markdown, judged_text, ranking_rows
from lisa_compiler.fit.verdict import Verdict
from lisa_schema.errors import ConfigurationError
from lisa_schema.server_arguments import split_words, unclosed_quote
from lisa_schema.settable_variables import MODELS
from lisa_schema.vllm_numbers import read_tokens

app = command_group()

_DEFAULT_REGION = "us-east-1"
_MEASURE = "measure"
MEASURE = "Measured runs (lisa fit measure)"


class FitFormat(StrEnum):
    """Format of the answer."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def fit_options(
    *,
    project: ProjectDirectory = Path(),
    env: Environment = None,
    region: Region = None,
) -> Invocation:
    """Options of `lisa fit`: the project, one of its environments, and the Region."""
    return build_invocation(project, [env] if env else [], shortcuts=[("--region", region)])


@app.command(
    epilog=(
        "lisa fit meta-llama/Llama-3.1-8B-Instruct --instance g6.xlarge --context 131072\n\n"
        "lisa fit Qwen/Qwen3-14B --region us-gov-west-1\n\nlisa fit --env dev --format markdown\n\n"
        "lisa fit measure --log vllm.log"
    )
)
@takes(fit_options)
def fit(
    invocation: Invocation,
    *,
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="Model, or `measure`; default: all models of the environment."),
    ] = None,
    instance: Annotated[
        list[str] | None,
        typer.Option("--instance", metavar="TYPE", help="Instance type, may be repeated; default: rank all."),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="TOKENS", help="Longest sequence, such as 8192 or 8k; default: the model's."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", min=1, help="Sequences of this length at a time.")
    ] = 1,
    image: Annotated[
        str | None, typer.Option("--image", metavar="REF", help="Image, whose tag has the engine's version.")
    ] = None,
    container: Annotated[
        str | None,
        typer.Option("--container", metavar="NAME", help="inferenceContainer; default: vllm, of encoders tei."),
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Variable of the container, may be repeated."),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Log of vLLM to compare.", rich_help_panel=MEASURE),
    ] = None,
    append: Annotated[
        Path | None,
        typer.Option("--append", metavar="FILE", help="File to add the run to.", rich_help_panel=MEASURE),
    ] = None,
    driver: Annotated[
        str | None,
        typer.Option("--driver", metavar="VERSION", help="Version of NVIDIA's driver.", rich_help_panel=MEASURE),
    ] = None,
    date: Annotated[
        str | None,
        typer.Option("--date", metavar="YYYY-MM-DD", help="Day of the run.", rich_help_panel=MEASURE),
    ] = None,
    form: Annotated[FitFormat, typer.Option("--format", help="Text, Markdown or JSON.")] = FitFormat.TEXT,
    as_json: Annotated[bool, typer.Option("--json", hidden=True)] = False,
) -> None:
    """Show whether models fit their GPUs, what would fit instead, and the price. Runs offline."""
    form = FitFormat.JSON if as_json else form
    if model == _MEASURE:
        run = RunContext(instance=(instance or [""])[0], image=image, driver=driver, date=date)
        _measure(log, append, run)
        return
    if log is not None or append is not None:
        raise typer.BadParameter("is used with `lisa fit measure`.", param_hint="--log")
    if model is None:
        given = {"--instance": instance, "--context": context, "--image": image, "--set": variables}
        for option in (name for name, value in given.items() if value):
            raise typer.BadParameter("requires a model; an environment has its own values.", param_hint=option)
        _environment(invocation, form)
        return
    region, known = _region(invocation), ProjectFacts.read(invocation.project.root, [model])
    request = FitRequest(
        model=model,
        engine=_container(container, model, known),
        image=image,
        environment=_variables(variables or []),
        context=None if context is None else _tokens(context),
        concurrency=concurrency,
    )
    for note in unread_variables(request):
        print_status(note)
    if (unknown := unknown_model(model, known)) is not None:
        print_status(unknown)
    if instance:
        _print(ask(request, instance, region, known), form, several=len(instance) > 1)
        return
    question, ranked = ask_all(request, region, known)
    judged = [
        Judged(
            title=model,
            instance=one.host.name,
            region=region,
            question=question,
            answer=one.answer,
            suggestions=(),
            price=one.price,
        )
        for one in ranked
    ]
    if form is not FitFormat.TEXT:
        _print(judged, form, several=True, fails=False)
    elif question.facts.tensors is None:
        write_output(f"unknown        {ranked[0].answer.reason if ranked else 'no instance type is offered'}\n")
    else:
        write_output(table(*ranking_rows(ranked)))
        print_status(f"{model} in {region}, {len(ranked)} instance types; see one with --instance")
    if ranked and all(one.answer.verdict is Verdict.DOES_NOT_FIT for one in ranked):
        raise typer.Exit(ExitCode.FAILED)


def _environment(invocation: Invocation, form: FitFormat) -> None:
    """Judge all models of an environment, by its files and by models/."""
    environment = invocation.project.environment(invocation.environment)
    names = [model.model_name for model in environment.config.ecs_models if model.deploy]
    known = ProjectFacts.read(environment.root, names)
    assessment = assess(environment.config, known.lock, known.prices, local=known.local)
    if not assessment.models and form is FitFormat.TEXT:
        print_status(f"{environment.name}: no model is deployed")
    _print([_judged(model, assessment.region) for model in assessment.models], form, several=True)


def _judged(model: ModelAssessment, region: str) -> Judged:
    return Judged(
        title=model.identifier,
        instance=model.host.name,
        region=region,
        question=model.question,
        answer=model.answer,
        suggestions=model.suggestions,
        price=model.cost.price,
        host=tuple(issue.message for issue in model.issues),
    )


def _print(judged: list[Judged], form: FitFormat, *, several: bool, fails: bool = True) -> None:
    if form is FitFormat.JSON:
        answers = [
            answer_as_json(one.question, one.instance, one.region, one.answer, one.suggestions, price=one.price)
            for one in judged
        ]
        content = {"answers": answers} if several else answers[0]
        write_output(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    elif form is FitFormat.MARKDOWN:
        write_output(judged_markdown(judged))
    else:
        write_output("\n".join(judged_text(one) for one in judged))
    if fails and any(one.answer.verdict is Verdict.DOES_NOT_FIT for one in judged):
        raise typer.Exit(ExitCode.FAILED)


def _region(invocation: Invocation) -> str:
    """The Region of the option, else of the environment, else the one that the shipped prices are for."""
    given = dict(invocation.project.options).get("--region")
    if given is not None:
        return given
    try:
        return invocation.project.environment(invocation.environment).config.region
    except ConfigurationError:
        if invocation.environment is not None:
            raise
        return _DEFAULT_REGION


def _container(given: str | None, model: str, known: ProjectFacts) -> str:
    """The container of the option, else the one that serves such a model."""
    if given is None:
        return usual_engine(model, known)
    if given not in MODELS:
        raise typer.BadParameter(f"{given} is none of {', '.join(MODELS)}.", param_hint="--container")
    return given


def _tokens(text: str) -> int:
    """A number of tokens as vLLM reads it: `8192`, `8k` (thousands) or `8K` (times 1,024)."""
    count = read_tokens(text)
    if count is None:
        raise typer.BadParameter(f"{text} is no number of tokens, such as 8192 or 8k.", param_hint="--context")
    return count


def _variables(assignments: list[str]) -> dict[str, str]:
    found = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{assignment} is not NAME=VALUE.", param_hint="--set")
        for word in filter(unclosed_quote, split_words(value)):
            raise typer.BadParameter(f"{name}: the quote at {word} does not close.", param_hint="--set")
        found[name] = value
    return found


def _measure(log: Path | None, append: Path | None, run: RunContext) -> None:
    """Compare what vLLM measured with what LISA predicts."""
    if log is None:
        raise typer.BadParameter("is required with `measure`.", param_hint="--log")
    if not run.instance:
        raise typer.BadParameter("is required with `measure`.", param_hint="--instance")
    compared = compare_log(log, run)
    head = ("QUANTITY", "PREDICTED", "LOW", "HIGH", "MEASURED")
    write_output(table(head, compared.rows()))
    if append is None:
        print_status("add the run to a file with --append FILE")
        return
    append_run(append, compared.run)
    print_status(f"added the run to {append}")
