"""The command `lisa`: its commands by the module that has them, imported when one of them runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

import typer

from lisa_compiler.cli.error_handling import LisaGroup
from lisa_compiler.cli.terminal import write_output
from lisa_schema.version import VERSION

COMMANDS = {
    "init": ("init", "Create a configuration repository with a pipeline, generated/ and a README."),
    "migrate": ("migrate", "Convert a configuration of LISA 3 to 6; list what has no equivalent."),
    "compile": ("compile", "Compile environments into generated/<env>. Writes nothing if any has errors."),
    "validate": ("configuration", "Validate the configuration; report each error with location, cause and fix."),
    "config": ("configuration", "Print the effective configuration as YAML, with overlays merged and defaults."),
    "stacks": ("configuration", "List the CloudFormation stacks in deployment order."),
    "schema": ("configuration", "Print the JSON Schema of config.yaml for editors."),
    "gen-certs": ("account", "Create a self-signed certificate for load balancers, FOR DEVELOPMENT ONLY."),
    "dev": ("dev", "Run an environment locally, without an AWS account."),
    "version": ("configuration", "Print the versions of LISA and its main dependencies."),
    "fit": ("fit", "Show whether models fit their GPUs, what would fit instead, and the price. Runs offline."),
    "prices": ("prices", "Import prices of instances."),
    "diff": ("review", "Show the impact of changes in generated/, highest risk first. Runs offline."),
    "explain": ("review", "Show which settings produce a resource or file, or what a key affects."),
    "policy": ("policy", "Check compiled output with cfn-lint, cdk-nag, LISA rules and LiteLLM."),
    "vpc": ("account", "Work with an existing VPC."),
    "doctor": ("doctor", "Report what would fail in the account before a deployment. Changes nothing."),
    "bootstrap": ("deploy", "Prepare an account and Region once: the CDK's bucket, ECR repository and roles."),
    "plan": ("plan", "Show what a deployment would change; with --out, as a file to approve and apply."),
    "deploy": ("deploy", "Show the plan, publish artifacts, deploy the stacks and verify. Safe to rerun."),
    "rollback": (
        "rollback",
        "Deploy the output of the last commit whose deployment succeeded, as it was reviewed then.",
    ),
    "verify": ("verify", "Verify that a deployment serves: stacks, instances, tasks, targets and requests."),
    "destroy": ("deploy", "Destroy an environment's stacks. removalPolicy controls data deletion."),
    "status": ("status", "Show what is deployed, by whom, and what holds the lock."),
    "unlock": ("status", "Release the lock of a deployment whose command no longer runs."),
    "drift": ("deploy", "Detect drift between the account and generated/<env>; exit 3 if found."),
    "ci": ("ci", "Run the steps of a pipeline: check, plan, deploy, drift, compile."),
    "upgrade": ("upgrade", "Pin another version of LISA in a repository of `lisa init`, and compile with it."),
    "merge-driver": ("merge_driver", "Settle conflicts in generated/ by compiling the merged sources; Git calls it."),
    "ami": ("ami", "Pin the AMIs that EC2 instances boot."),
    "artifacts": ("artifacts", "Build and publish the artifacts of a deployment: images, layers, code, weights."),
    "weights": ("weights", "Stage model weights in S3: download, convert, verify, upload."),
    "tokens": ("tokens", "Create, list and revoke API tokens of the gateway."),
    "audit": ("audit", "Read the content that the gateway records for audited groups."),
    "proposals": ("proposals", "Apply proposals of the models API to the configuration files."),
    "bundle": ("bundle", "Package an environment for an air-gapped network."),
}
"""Module in this package and summary of each command; a test compares the summaries with the commands' own."""


class _Commands(LisaGroup):
    table: ClassVar = {name: (f"lisa_compiler.cli.{module}", summary) for name, (module, summary) in COMMANDS.items()}


app = typer.Typer(
    cls=_Commands,
    name="lisa",
    help="Host LLMs on AWS from one declarative configuration.",
    epilog="Start with: lisa validate, then lisa compile --env dev, then read generated/dev/SUMMARY.md",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(value: bool) -> None:
    if value:
        write_output(f"lisa {VERSION}\n")
        raise typer.Exit


@app.callback()
def root(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Host LLMs on AWS from one declarative configuration."""
