"""The run of a pipeline that a process belongs to."""

from __future__ import annotations

import os

_ADDRESSES = ("CI_JOB_URL", "BUILD_URL", "CODEBUILD_BUILD_URL")
"""Variables in which GitLab, Jenkins and CodeBuild give the address of a run; GitHub gives its parts."""


def pipeline_run() -> str:
    """Address of the pipeline's run that this process belongs to; empty outside of pipelines."""
    server, run = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_RUN_ID")
    if server and run:
        return f"{server}/{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    return next((os.environ[name] for name in _ADDRESSES if os.environ.get(name)), "")
