"""GitHub's parts of a pipeline: outputs and summaries of a step, and one issue for the drift of each environment.

Source: GitHub's documentation of workflow commands and of the REST API for issues, version 2022-11-28.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from lisa_compiler.ci.markdown import limited
from lisa_schema.errors import LisaError

LABEL: Final = "lisa-drift"
"""Label of the issues; only people with access to the repository can set it, so that no other issue matches."""

_BODY, _SUMMARY = 65_000, 1_000_000
"""Bytes: GitHub takes 65,536 characters in an issue, and 1 MiB in the summary of a step."""

_TIMEOUT = 30.0
_PAGE = 100


class GitHubError(LisaError):
    """GitHub cannot be reached, or refuses; the text says what to do."""


def append_summary(text: str) -> None:
    """Append Markdown to the summary of the job, where there is one.

    Raises:
        GitHubError: the file that GitHub names cannot be written.
    """
    _append("GITHUB_STEP_SUMMARY", limited(text, _SUMMARY) + "\n")


def set_output(name: str, value: str) -> None:
    """Set an output of the step, where there is one; the value has one line.

    Raises:
        GitHubError: the file that GitHub names cannot be written.
    """
    if "\n" in value or "\r" in value:
        raise ValueError(f"the output {name} has more than one line")
    _append("GITHUB_OUTPUT", f"{name}={value}\n")


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise GitHubError(f"{variable}={path} cannot be written: {error.strerror}.") from error


@dataclass(frozen=True, slots=True)
class Issues:
    """The issues of a repository.

    Attributes:
        api: address of the REST API.
        repository: owner and name.
        token: a token that may write issues.
    """

    api: str
    repository: str
    token: str

    def report(self, title: str, marker: str, body: str) -> str:
        """Open an issue, or update the open one.

        Args:
            title: of a new issue.
            marker: first line of the body, by which the open issue is found.
            body: Markdown; a long one is cut.

        Returns:
            Address of the issue.

        Raises:
            GitHubError: GitHub refuses or does not answer.
        """
        known = self._find(marker)
        content = {"body": limited(body, _BODY)}
        if known is None:
            made = self._send("POST", "issues", {"title": title, "labels": [LABEL], **content})
            return str(made["html_url"])
        if known["body"].replace("\r\n", "\n") != content["body"]:
            self._send("PATCH", f"issues/{known['number']}", content)
        return str(known["html_url"])

    def close(self, marker: str, why: str) -> str | None:
        """Close the open issue with a comment; its address, or None when none is open.

        Raises:
            GitHubError: GitHub refuses or does not answer.
        """
        known = self._find(marker)
        if known is None:
            return None
        self._send("POST", f"issues/{known['number']}/comments", {"body": why})
        self._send("PATCH", f"issues/{known['number']}", {"state": "closed", "state_reason": "completed"})
        return str(known["html_url"])

    def _find(self, marker: str) -> Mapping[str, Any] | None:
        page = 1
        while True:
            query = urllib.parse.urlencode({"labels": LABEL, "state": "open", "per_page": _PAGE, "page": page})
            found = self._send("GET", f"issues?{query}")
            for issue in found:
                # The API lists pull requests as issues.
                if "pull_request" not in issue and str(issue.get("body") or "").startswith(marker):
                    return dict(issue)
            if len(found) < _PAGE:
                return None
            page += 1

    def _send(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # the address is that of the pipeline
            f"{self.api.rstrip('/')}/repos/{self.repository}/{path}",
            data=None if content is None else json.dumps(content).encode(),
            method=method,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "lisa",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310  # see above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise GitHubError(self._refused(method, path, error)) from error
        except (OSError, ValueError) as error:
            raise GitHubError(f"GitHub ({self.api}) does not answer: {error}. Run the job again.") from error

    def _refused(self, method: str, path: str, error: urllib.error.HTTPError) -> str:
        try:
            reason = json.load(error).get("message", "")
        except (ValueError, AttributeError, OSError):
            reason = ""
        fix = {
            HTTPStatus.UNAUTHORIZED: "Set GITHUB_TOKEN to a valid token.",
            HTTPStatus.FORBIDDEN: "The job needs `permissions: issues: write`.",
            HTTPStatus.NOT_FOUND: f"Is {self.repository} right, and may the token read it?",
            HTTPStatus.GONE: "Turn on issues in the settings of the repository.",
        }.get(HTTPStatus(error.code) if error.code in set(HTTPStatus) else HTTPStatus.OK, "Run the job again.")
        return f"GitHub refuses {method} {path.partition('?')[0]} with {error.code} {reason}. {fix}"


def open_issues() -> Issues:
    """The issues of the repository that the pipeline runs for.

    Raises:
        GitHubError: a variable is missing.
    """
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or ""
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not token or not repository:
        raise GitHubError(
            "--issues requires GITHUB_REPOSITORY (owner/name), which GitHub sets, and GITHUB_TOKEN: in the workflow, "
            "set `GITHUB_TOKEN: ${{ github.token }}` in `env` of the step."
        )
    return Issues(os.environ.get("GITHUB_API_URL", "https://api.github.com"), repository, token)
