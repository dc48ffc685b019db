"""GitHub's REST API as a stand-in on this machine: one issue for each environment."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from lisa_compiler.ci.github import GitHubError, Issues, append_summary, open_issues, set_output

MARKER = "<!-- lisa-drift:prod -->"
BODY = f"{MARKER}\n### prod: 1 difference\n"


class Hub(BaseHTTPRequestHandler):
    """Issues of the repository `o/r`, as GitHub's documentation has them."""

    issues: ClassVar[list[dict[str, Any]]] = []
    calls: ClassVar[list[str]] = []
    refuse: ClassVar[int] = 0

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = json.loads(sent) if sent else {}
        place = urlsplit(self.path)
        self.calls.append(f"{self.command} {place.path}")
        assert self.headers["Authorization"] == "Bearer secret"
        assert self.headers["X-GitHub-Api-Version"] == "2022-11-28"
        if self.refuse:
            return self._answer(self.refuse, {"message": "Resource not accessible by integration"})
        parts = place.path.removeprefix("/api/repos/o/r/").split("/")
        if self.command == "GET":
            query = {name: values[0] for name, values in parse_qs(place.query).items()}
            start = (int(query["page"]) - 1) * int(query["per_page"])
            found = [
                issue
                for issue in reversed(self.issues)
                if issue["state"] == query["state"] and query["labels"] in issue["labels"]
            ]
            return self._answer(200, found[start : start + int(query["per_page"])])
        if self.command == "POST" and parts == ["issues"]:
            number = len(self.issues) + 1
            address = f"https://github.example/o/r/issues/{number}"
            self.issues.append({"number": number, "state": "open", "html_url": address, "comments": [], **content})
            return self._answer(201, self.issues[-1])
        issue = self.issues[int(parts[1]) - 1]
        if parts[-1] == "comments":
            issue["comments"].append(content["body"])
        else:
            issue.update(content)
        return self._answer(200, issue)

    do_GET = do_POST = do_PATCH = _handle  # noqa: N815  # as the base class calls them


@pytest.fixture
def issues() -> Iterator[Issues]:
    Hub.issues, Hub.calls, Hub.refuse = [], [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Issues(f"http://127.0.0.1:{server.server_port}/api", "o/r", "secret")
    server.shutdown()
    server.server_close()


def test_environment_has_one_issue_which_is_kept_right_and_closed(issues: Issues) -> None:
    first = issues.report("prod has drifted", MARKER, BODY)
    assert issues.report("prod has drifted", MARKER, BODY) == first
    assert not any(call.startswith("PATCH") for call in Hub.calls), "the same text is not written again"
    assert issues.report("prod has drifted", MARKER, BODY + "more\n") == first
    assert issues.report("dev has drifted", "<!-- lisa-drift:dev -->", "<!-- lisa-drift:dev -->\n") != first
    assert [(issue["title"], issue["body"], issue["labels"]) for issue in Hub.issues] == [
        ("prod has drifted", BODY + "more\n", ["lisa-drift"]),
        ("dev has drifted", "<!-- lisa-drift:dev -->\n", ["lisa-drift"]),
    ]
    assert issues.close(MARKER, "It matches again.") == first
    assert (Hub.issues[0]["state"], Hub.issues[0]["comments"]) == ("closed", ["It matches again."])
    assert issues.close(MARKER, "It matches again.") is None
    assert issues.report("prod has drifted", MARKER, BODY) != first


def test_issue_of_someone_else_is_left_alone(issues: Issues) -> None:
    plain = {"number": 1, "state": "open", "html_url": "x", "labels": [], "body": BODY}
    request = {
        "number": 2,
        "state": "open",
        "html_url": "x",
        "labels": ["lisa-drift"],
        "body": BODY,
        "pull_request": {},
    }
    empty = {"number": 3, "state": "open", "html_url": "x", "labels": ["lisa-drift"], "body": None}
    Hub.issues += [plain, request, empty]
    assert issues.close(MARKER, "no") is None
    assert issues.report("prod has drifted", MARKER, BODY).endswith("/4")


def test_issue_is_found_on_a_later_page(issues: Issues) -> None:
    first = issues.report("prod has drifted", MARKER, BODY)
    for number in range(120):
        issues_body = f"<!-- lisa-drift:other{number} -->"
        Hub.issues.append(
            {"number": number + 2, "state": "open", "html_url": "x", "labels": ["lisa-drift"], "body": issues_body}
        )
    assert issues.report("prod has drifted", MARKER, BODY) == first


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (401, "valid token"),
        (403, "issues: write"),
        (404, "may the token read it"),
        (410, "Turn on issues"),
        (500, "again"),
    ],
)
def test_refusal_says_what_to_do(issues: Issues, status: int, fix: str) -> None:
    Hub.refuse = status
    with pytest.raises(GitHubError, match=rf"refuses GET issues with {status} Resource not accessible .*{fix}"):
        issues.report("t", MARKER, BODY)


def test_hub_that_is_down_is_an_error_of_its_own() -> None:
    with pytest.raises(GitHubError, match="does not answer"):
        Issues("http://127.0.0.1:9", "o/r", "secret").report("t", MARKER, BODY)


def test_variables_name_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GitHubError, match="--issues requires GITHUB_REPOSITORY"):
        open_issues()
    monkeypatch.setenv("GH_TOKEN", "secret")
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    assert open_issues() == Issues("https://api.github.com", "o/r", "secret")


def test_outputs_and_summaries_are_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    set_output("digest", "abc")
    set_output("planned", "[]")
    append_summary("# One")
    append_summary("x" * 2_000_000)
    assert (tmp_path / "output").read_text() == "digest=abc\nplanned=[]\n"
    assert (tmp_path / "summary").read_text().startswith("# One\n")
    assert (tmp_path / "summary").stat().st_size < 1_048_576
    with pytest.raises(ValueError, match="more than one line"):
        set_output("digest", "abc\nplanned=[1]")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "no/such"))
    with pytest.raises(GitHubError, match="cannot be written"):
        set_output("digest", "abc")
