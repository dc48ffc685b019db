"""`lisa ci`: what pipelines run, whichever system runs them. Most of it is other commands, in order."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stdout
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.ci.github import append_summary, set_output
from lisa_compiler.ci.plan_files import PlanFiles, require_digest, write_text
from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.options import (
    AllEnvironments,
    Environments,
    ProjectDirectory,
    command_group,
    scope_options,
    takes,
)
from lisa_compiler.cli.run_lisa import run_lisa
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.ledger.pipeline import pipeline_run
from lisa_compiler.project.git import find_commit, run_git
from lisa_compiler.project.paths import OUTPUT, WEIGHTS_LOCK, shown_path
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from collections.abc import Iterable

app = command_group("Run the steps of a pipeline: check, plan, deploy, drift, compile.")

_PLANS, _DRIFT, _REPORT = Path("plans"), Path("drift"), Path("report")

Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="Branch that the change is merged into: also report its impact."),
]


class CheckFormat(StrEnum):
    """Format of errors and warnings, of which several commands write some."""

    TEXT = "text"
    GITHUB = "github"


def ci_options(
    *, project: ProjectDirectory = Path(), env: Environments = None, all_environments: AllEnvironments = False
) -> Invocation:
    """Options of commands on several environments as the files have them: --project, --env and --all."""
    if env and all_environments:
        raise typer.BadParameter("--env and --all are mutually exclusive.", param_hint="--all")
    return build_invocation(project, env or (), every=all_environments or not env)


def project_options(*, project: ProjectDirectory = Path()) -> Invocation:
    """The option of commands on a whole project: --project."""
    return build_invocation(project, every=True)


@app.command("check", epilog="lisa ci check --base origin/main --report report --format github")
@takes(project_options)
def ci_check(
    invocation: Invocation,
    *,
    base: Base = None,
    report: Annotated[
        Path,
        typer.Option("--report", metavar="DIR", help="Write findings and impact into this directory.", file_okay=False),
    ] = _REPORT,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings of the compiler as errors.")] = False,
    form: Annotated[CheckFormat, typer.Option("--format", help="Text, or annotations of GitHub.")] = CheckFormat.TEXT,
) -> None:
    """Check a change: configuration, generated/ and policy; with --base, report its impact.

    All steps run, so that one run shows every error. Exits with 3 if only generated/ is out of date.
    """
    report.mkdir(parents=True, exist_ok=True)
    written = ["--format", form.value]
    codes = [
        run_lisa(invocation, "validate", "--all", *written),
        run_lisa(invocation, "compile", "--all", "--check", *(["--strict"] if strict else []), *written),
        run_lisa(invocation, "policy", "--all", "--strict", "--sarif", str(report / "policy.sarif"), *written),
    ]
    if base is not None:
        codes += _report_impact(invocation, base, report)
    raise typer.Exit(_worst(codes))


@app.command("plan", epilog="lisa ci plan --env prod --out plans")
@takes(ci_options)
def ci_plan(
    invocation: Invocation,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Directory of plans, texts and digests.", file_okay=False)
    ] = _PLANS,
    always: Annotated[
        bool, typer.Option("--always", help="Plan also what the ledger says is deployed as it is.")
    ] = False,
) -> None:
    """Plan each environment that differs from its last deployment, for people to approve."""
    from lisa_compiler.ci.plan_markdown import render  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.ci.planning import plan_for_pipeline  # noqa: PLC0415  # likewise
    from lisa_compiler.cli.deployment_options import open_context  # noqa: PLC0415  # likewise

    planned: dict[str, str] = {}
    codes = []
    names = _names(invocation)
    for name in names:
        files = PlanFiles(out, name)
        files.clear()
        one = build_invocation(invocation.project.root, [name])
        # An environment that cannot be planned says nothing about the others.
        try:
            report = plan_for_pipeline(open_context(one), files.plan, print_status, always=always)
        except ConfigurationError:
            raise
        except LisaError as error:
            print_status(f"error: {name}: {error}")
            codes.append(int(ExitCode.FAILED))
            continue
        digest = files.digest()
        text = render(report, digest)
        files.describe(text)
        append_summary(text)
        if digest:
            planned[name] = digest
            print_status(f"{name}: wrote {shown_path(files.plan)} and {shown_path(files.text)}; SHA-256 {digest}")
        else:
            print_status(f"{name}: nothing to deploy: {report.standing.reason}")
    set_output("planned", json.dumps(list(planned), separators=(",", ":")))
    set_output("digest", planned.get(names[0], "") if len(names) == 1 else "")
    write_output(json.dumps(planned, indent=2) + "\n")
    raise typer.Exit(_worst(codes))


@app.command("deploy", epilog='lisa ci deploy --env prod --plan plans/prod.json --sha256 "$LISA_PLAN_SHA256"')
@takes(scope_options)
def ci_deploy(
    invocation: Invocation,
    *,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="The approved plan; default: plans/<env>.json.", dir_okay=False),
    ] = None,
    digest: Annotated[
        str,
        typer.Option("--sha256", metavar="DIGEST", help="Digest that `lisa ci plan` printed; blank: nothing planned."),
    ],
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not run `lisa verify` at the end.")] = False,
) -> None:
    """Apply the approved plan and nothing else; stage missing weights before."""
    name = invocation.environment or invocation.project.default_environment()
    file = plan or PlanFiles(_PLANS, name).plan
    if not require_digest(file, digest):
        print_status(f"{name}: nothing was planned, nothing is deployed")
        return
    environment = ["--env", name]
    if (invocation.project.root / WEIGHTS_LOCK).is_file():
        address = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        where = ["--endpoint-url", address] if address else []
        _require(run_lisa(invocation, "weights", "stage", *environment, "--yes", *where))
    verify = ["--no-verify"] if no_verify else []
    _require(run_lisa(invocation, "deploy", *environment, "--plan", str(file), "--yes", *verify))


@app.command("drift", epilog="lisa ci drift --env prod --issues")
@takes(ci_options)
def ci_drift(
    invocation: Invocation,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Directory of the reports.", file_okay=False)
    ] = _DRIFT,
    issues: Annotated[
        bool, typer.Option("--issues", help="Open, update or close one GitHub issue for each environment.")
    ] = False,
) -> None:
    """Detect drift of each environment; exit 3 if found."""
    from lisa_compiler.ci.drift_markdown import marker, render  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.ci.github import open_issues  # noqa: PLC0415  # only for --issues
    from lisa_compiler.cli.deployment_options import open_context, warn_if_out_of_date  # noqa: PLC0415  # boto3
    from lisa_compiler.deploy.drift import find  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.session import open_cloudformation  # noqa: PLC0415  # likewise

    where = open_issues() if issues else None
    codes = []
    for name in _names(invocation):
        # An environment that cannot be read says nothing about the others.
        try:
            context = open_context(build_invocation(invocation.project.root, [name]))
            assembly = context.assembly()
            warn_if_out_of_date(context)
            account = context.account()
            items = find(assembly, context.deployment, open_cloudformation(account, assembly), context.provenance())
        except ConfigurationError:
            raise
        except LisaError as error:
            print_status(f"error: {name}: {error}")
            codes.append(int(ExitCode.FAILED))
            continue
        place = f"Account {account.number}, {account.region},"
        text = render(name, items, place=place, run=pipeline_run())
        write_text(out / f"{name}.md", text)
        append_summary(text)
        codes.append(int(ExitCode.STALE if items else ExitCode.OK))
        print_status(f"{name}: {len(items)} differences; {shown_path(out / f'{name}.md')} lists them")
        if where is not None and items:
            print_status(f"{name}: {where.report(f'{name} has drifted', marker(name), text)}")
        elif where is not None and (closed := where.close(marker(name), f"{name} matches the compiled output again.")):
            print_status(f"{name}: closed {closed}")
    raise typer.Exit(_worst(codes))


@app.command("compile", epilog="lisa ci compile --push origin --branch renovate/lisa")
@takes(project_options)
def ci_compile(
    invocation: Invocation,
    *,
    push: Annotated[
        str | None, typer.Option("--push", metavar="REMOTE", help="Push the commit to this remote, without force.")
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="Branch that is pushed to; default: that of HEAD.")
    ] = None,
    message: Annotated[str, typer.Option("--message", metavar="TEXT", help="Message of the commit.")] = (
        "build: compile generated/"
    ),
) -> None:
    """Compile all environments and commit generated/, if it changes. Refuses when other files are not committed."""
    from lisa_compiler.ci.compiled_commit import (  # noqa: PLC0415  # Git, which the other commands do not need
        CommitError,
        commit_output,
        current_branch,
        push_commit,
    )

    root = invocation.project.root
    made = commit_output(root, lambda: _require(run_lisa(invocation, "compile", "--all")), message)
    set_output("commit", made or "")
    if made is None:
        print_status(f"{OUTPUT}/ is up to date; nothing was committed")
        return
    print_status(f"committed {OUTPUT}/ as {made[:12]}")
    if push is not None:
        target = branch or current_branch(root)
        if target is None:
            raise CommitError("HEAD is detached: name the branch with --branch.")
        push_commit(root, push, target)
        print_status(f"pushed to {target} of {push}")


def _report_impact(invocation: Invocation, base: str, report: Path) -> Iterable[int]:
    """Write what the change does to each environment, and intake reports of changed weights."""
    root = invocation.project.root
    if find_commit(root, base) is None:
        raise LisaError(f"--base {base} is not a known commit. In a workflow, check out with `fetch-depth: 0`.")
    run = pipeline_run()
    linked = ["--intake-reports", f"{run}#artifacts"] if run and os.environ.get("GITHUB_RUN_ID") else []
    intake = ["--changed-since", base, "--output", str(report / "intake-reports")]
    yield run_lisa(invocation, "weights", "report", *intake)
    changed = []
    for name in invocation.project.environments():
        said = io.StringIO()
        with redirect_stdout(said):
            compared = ["--env", name, "--base", base, "--format", "markdown", *linked]
            code = run_lisa(invocation, "diff", *compared)
        yield code
        if code != ExitCode.OK:
            continue
        write_text(report / f"diff-{name}.md", said.getvalue())
        append_summary(said.getvalue())
        if run_git(root, "diff", "--quiet", f"{base}...HEAD", "--", f"{OUTPUT}/{name}", check=False).returncode:
            changed.append(name)
    write_text(report / "changed", "".join(f"{name}\n" for name in changed))


def _names(invocation: Invocation) -> tuple[str, ...]:
    return invocation.selection.names or invocation.project.environments()


def _require(code: int) -> None:
    if code != ExitCode.OK:
        raise typer.Exit(code)


def _worst(codes: Iterable[int]) -> int:
    """An error before what is out of date or has drifted, before success."""
    return max(codes, key=lambda code: (code not in {ExitCode.OK, ExitCode.STALE}, code), default=int(ExitCode.OK))
