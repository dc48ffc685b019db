"""Documents are read in a child process: hostile ones are refused by a limit, and the next one is read."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from lisa_lambdas.errors import ApiError, BadRequestError, TooLargeError, UnavailableError
from lisa_lambdas.repository.extraction import ExtractionLimits, ExtractionRequest, extract_chunks
from runtime.lambdas.repository import files, hostile_files

MIB = 2**20
QUICK = ExtractionLimits(processor_seconds=2, elapsed_seconds=300)
PATIENT = ExtractionLimits(processor_seconds=60, elapsed_seconds=600)
BRIEF = ExtractionLimits(processor_seconds=60, elapsed_seconds=1)
LAMBDAS = Path(__file__).parents[4] / "runtime" / "lambdas"


def extract(
    name: str,
    content: bytes,
    *,
    size: int = 512,
    overlap: int = 51,
    most: int = 50_000,
    limits: ExtractionLimits = QUICK,
    seconds: float = 800.0,
    **options: Any,
) -> list[tuple[str, int | None]]:
    request = ExtractionRequest(name, size, overlap, most, limits)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        with extract_chunks(file, request, seconds=seconds, **options) as chunks:
            return list(chunks)


def with_parser(statement: str) -> Sequence[str]:
    """The child process with a statement in place of its parsers."""
    code = f"""
import os, runpy, socket, subprocess, time
from lisa_lambdas.repository import documents
def read_sections(name, file):
    {statement}
    yield documents.Section("read")
documents.read_sections = read_sections
runpy.run_module("lisa_lambdas.repository.extraction", run_name="__main__")
"""
    return [sys.executable, "-S", "-c", code]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "ünïcödé 🙂".encode(), [("ünïcödé 🙂", None)]),
        ("a.PDF", files.pdf("first", "", "third"), [("first", 1), ("third", 3)]),
        ("a.docx", files.word("Heading", "Last", table=[["a", "b"]]), [("Heading\n\na\tb\n\nLast", None)]),
        ("a.txt", b" \n" * 1000, []),
    ],
)
def test_document_is_read_into_chunks(name: str, content: bytes, expected: list[tuple[str, int | None]]) -> None:
    assert extract(name, content) == expected


def test_file_position_before_does_not_matter() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"text")
        with extract_chunks(file, ExtractionRequest("a.txt", 100, 0, 10, QUICK), seconds=60) as chunks:
            assert list(chunks) == [("text", None)]


REFUSED: list[tuple[str, Callable[[], bytes], type[ApiError], str]] = [
    ("a.docx", lambda: hostile_files.docx_of_wide_cell("20000000"), BadRequestError, "spans 20000000 columns"),
    ("a.docx", lambda: hostile_files.docx_of_wide_cell("-1"), BadRequestError, "spans -1 columns"),
    ("a.docx", lambda: hostile_files.docx_of_wide_cell("9" * 5000), BadRequestError, "columns"),
    ("a.docx", hostile_files.docx_of_many_spans, TooLargeError, "2 seconds of processor time"),
    ("a.docx", hostile_files.docx_of_merged_rows, TooLargeError, "2 seconds of processor time"),
    ("a.docx", hostile_files.docx_of_large_table, TooLargeError, "2 seconds of processor time"),
    ("a.docx", hostile_files.docx_of_many_runs, TooLargeError, "2 seconds of processor time"),
    ("a.docx", hostile_files.docx_of_empty_paragraphs, TooLargeError, "memory|processor time"),
    ("a.docx", lambda: hostile_files.docx_of_nested_tables(3000), BadRequestError, "damaged"),
    ("a.docx", hostile_files.docx_of_laughs, BadRequestError, "damaged"),
    ("a.docx", hostile_files.docx_of_quadratic_entity, BadRequestError, "damaged"),
    ("a.docx", hostile_files.docx_of_many_parts, TooLargeError, "unpacked"),
    ("a.docx", lambda: files.zip_bomb(200 * MIB), TooLargeError, "unpacked"),
    ("a.docx", lambda: files.zip_bomb(201 * MIB, stated=1000), BadRequestError, "damaged"),
    ("a.pdf", hostile_files.pdf_of_shared_stream, TooLargeError, "2 seconds of processor time"),
    ("a.pdf", lambda: hostile_files.pdf_of_packed_stream(200 * MIB, 1), BadRequestError, "page 1 cannot be read"),
    ("a.pdf", lambda: hostile_files.pdf_of_packed_stream(200 * MIB, 2), BadRequestError, "page 1 cannot be read"),
    ("a.pdf", hostile_files.pdf_of_recursive_tree, BadRequestError, "damaged"),
    ("a.pdf", lambda: hostile_files.pdf_of_doubling_tree(60), ApiError, "damaged|processor time"),
    ("a.pdf", lambda: hostile_files.pdf_of_deep_tree(5000), BadRequestError, "damaged"),
    ("a.pdf", hostile_files.pdf_of_deep_array, BadRequestError, "damaged"),
    ("a.pdf", hostile_files.pdf_of_huge_xref, BadRequestError, "damaged"),
    ("a.pdf", hostile_files.pdf_of_xref_stream, BadRequestError, "damaged"),
    ("a.pdf", lambda: hostile_files.pdf_of_cmap(20), BadRequestError, "page 1 cannot be read"),
    ("a.pdf", lambda: files.encrypted_pdf("text"), BadRequestError, "encrypted"),
    ("a.txt", lambda: "text".encode("utf-16"), BadRequestError, "not UTF-8"),
    ("a.txt", lambda: b"good\n" * 1_000_000 + b"\xff", BadRequestError, "not UTF-8"),
    ("a.txt", lambda: b"x" * (50 * MIB), TooLargeError, "more than 50000 chunks"),
]


@pytest.mark.parametrize(("name", "document", "kind", "message"), REFUSED)
def test_hostile_document_is_refused_within_seconds(
    name: str, document: Callable[[], bytes], kind: type[ApiError], message: str
) -> None:
    content = document()
    before = processor_seconds()
    with pytest.raises(kind, match=message):
        extract(name, content)
    assert processor_seconds() - before < 5
    assert extract("a.txt", b"the next one") == [("the next one", None)]


def processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("a.pdf", hostile_files.pdf_of_endless_operators),
        ("a.pdf", hostile_files.pdf_of_recursive_form),
        ("a.pdf", lambda: hostile_files.pdf_of_doubling_forms(40)),
        ("a.pdf", hostile_files.pdf_of_previous_loop),
        ("a.pdf", hostile_files.pdf_of_image),
        ("a.docx", hostile_files.docx_in_docx),
    ],
)
def test_trap_without_cost_is_read(name: str, document: Callable[[], bytes]) -> None:
    assert len(extract(name, document(), limits=PATIENT)) <= 1


def test_external_entities_are_not_fetched() -> None:
    fetched: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with tempfile.NamedTemporaryFile() as secret, HTTPServer(("127.0.0.1", 0), Server) as server:
        Path(secret.name).write_text("secret")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        documents = [
            hostile_files.docx_of_external_entity(f"file://{secret.name}"),
            hostile_files.docx_of_external_entity(f"{address}/entity"),
            hostile_files.docx_of_external_dtd(f"{address}/dtd"),
        ]
        found = [extract("a.docx", content) for content in documents]
        server.shutdown()
    assert found == [[("before", None)], [("before", None)], [("text", None)]]
    assert fetched == []


def test_overlap_that_multiplies_the_text_is_refused() -> None:
    limits = replace(PATIENT, output_bytes=2 * MIB)
    words = b"a " * (MIB // 2)
    with pytest.raises(TooLargeError, match="more than 2 MiB of text"):
        extract("a.txt", words, size=10_000, overlap=9_999, limits=limits)
    assert len(extract("a.txt", words, size=10_000, overlap=0, limits=limits)) > 100


def test_chunks_are_limited_before_any_is_embedded() -> None:
    with pytest.raises(TooLargeError, match="more than 3 chunks"):
        extract("a.txt", b"word " * 1000, most=3)


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("while True: pass", TooLargeError, "2 seconds of processor time"),
        ("bytearray(2**30)", TooLargeError, "640 MiB of memory"),
        ("open(os.environ['TMPDIR'] + '/x', 'wb').write(bytes(2**28))", TooLargeError, "MiB"),
        ("os.kill(os.getpid(), 9)", TooLargeError, "memory"),
        ("os.kill(os.getpid(), 11)", BadRequestError, "cannot be read"),
        ("os._exit(77)", BadRequestError, "cannot be read"),
        ("raise RuntimeError('a mistake in a parser')", BadRequestError, "cannot be read"),
        ("socket.create_connection(('127.0.0.1', 9))", BadRequestError, "cannot be read"),
        ("socket.getaddrinfo('localhost', 80)", BadRequestError, "cannot be read"),
        ("subprocess.run(['true'])", BadRequestError, "cannot be read"),
        ("os.system('true')", BadRequestError, "cannot be read"),
        ("os.fork()", BadRequestError, "cannot be read"),
        ("files = [open('/dev/null') for _ in range(100)]", BadRequestError, "cannot be read"),
    ],
)
def test_parser_out_of_control_ends_with_its_process(
    statement: str, kind: type[ApiError], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(kind, match=message):
        extract("a.txt", b"", command=with_parser(statement))


def test_parser_in_control_is_read() -> None:
    assert extract("a.txt", b"", command=with_parser("pass")) == [("read", None)]


def test_elapsed_time_is_limited_to_that_of_the_document() -> None:
    with pytest.raises(TooLargeError, match="takes more than 1 second of elapsed time"):
        extract("a.txt", b"", limits=BRIEF, command=with_parser("time.sleep(300)"))


def test_elapsed_time_is_limited_to_that_of_the_function() -> None:
    with pytest.raises(UnavailableError, match="Time ran out"):
        extract("a.txt", b"", seconds=1, command=with_parser("time.sleep(300)"))


def test_descendants_end_with_the_process(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, time; child = subprocess.Popen(['sleep', '300']);"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid)); time.sleep(300)"
    )
    with pytest.raises(TooLargeError):
        extract("a.txt", b"", limits=replace(BRIEF, elapsed_seconds=5), command=[sys.executable, "-c", code])
    deadline = time.monotonic() + 10
    while is_running(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(pid.read_text()))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_process_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"):
        monkeypatch.setenv(name, "secret")
    code = "import json, os; print(json.dumps([None, ' '.join(os.environ)]))"
    [(names, _)] = extract("a.txt", b"", command=[sys.executable, "-c", code])
    allowed = {"LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ"}
    assert set(names.split()) <= allowed | {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUTF8"}


def test_packages_of_layers_are_found(tmp_path: Path) -> None:
    """As in Lambda: packages are in directories that the runtime adds to sys.path, which the interpreter lacks."""
    layer = next(entry for entry in sys.path if entry.endswith("site-packages"))
    document = tmp_path / "a.docx"
    document.write_bytes(files.word("text"))
    code = f"""
import sys
sys.path[:0] = [{str(LAMBDAS)!r}, {layer!r}]
from lisa_lambdas.repository.extraction import ExtractionLimits, ExtractionRequest, extract_chunks
request = ExtractionRequest("a.docx", 100, 0, 10, ExtractionLimits(processor_seconds=10, elapsed_seconds=60))
with open({str(document)!r}, "rb") as file, extract_chunks(file, request, seconds=60) as chunks:
    print([text for text, _ in chunks])
assert not {{"docx", "lxml", "pypdf"}} & set(sys.modules)
"""
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("['text']\n", "")


def test_request_survives_the_command_line() -> None:
    request = ExtractionRequest("ü \"'.txt", 512, 51, 10, QUICK)
    assert ExtractionRequest.from_json(request.to_json()) == request
    assert json.loads(request.to_json())["limits"]["processor_seconds"] == 2


def test_large_document_is_read_completely() -> None:
    pages = [f"page {number}" for number in range(100)]
    found = extract("a.pdf", files.pdf(*pages), limits=PATIENT)
    assert found == [(text, number) for number, text in enumerate(pages, 1)]
    text = io.BytesIO(b"line\n" * MIB)
    assert len(extract("a.txt", text.getvalue(), limits=PATIENT)) > 9_000
