"""What `serverArgs` and SERVER_ARGS become: the arguments of the server's process, word by word."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from containers.context import Container, container
from lisa_schema.server_arguments import split_words

WEIGHTS = {"config.json": b"{}", "model.safetensors": b"w"}
SERVERS = {
    "tgi": "text-generation-launcher",
    "tei": "text-embeddings-router",
    "vllm": "vllm",
    "sglang": "sglang",
}
PRINTER = """#!/bin/bash
[[ ${1:-} != -c ]] || exec "$FAKE_PYTHON" "$@"
exec "$FAKE_PYTHON" -c 'import json, os, sys
open(os.environ["FAKE_OUT"] + "/argv.json", "w").write(json.dumps(sys.argv[1:]))' "$@"
"""
HOSTILE = [
    '{"method": "mtp", "num_speculative_tokens": 3}',
    "",
    " ",
    "a  b",
    "two\nlines\tand a tab",
    "it's",
    'say "hi"',
    "$(touch hacked) `touch hacked` ${HOME} $HOME",
    "; touch hacked & touch hacked | touch hacked > hacked",
    "*",
    "~",
    "\\n\\\\ \\",
    "!history",
    "--flag=value with spaces",
    "[a-z]?{b,c}",
    "#comment",
    "%s %d {{ braces }} {% block %}",
    "ünï ☃",
    "-",
    "--",
]


def started(folder: Path, kind: str, arguments: list[str], **environment: str) -> list[str]:
    """Run a model's entrypoint with arguments, as ECS does, and return those of the server that it started."""
    folder.mkdir(exist_ok=True)
    made: Container = container(folder, kind, WEIGHTS)  # type: ignore[arg-type]
    made.stage(WEIGHTS)
    made.fake(SERVERS[kind], PRINTER)
    made.environment |= environment
    status, errors = made.run(*arguments)
    assert status == 0, errors
    words = json.loads((folder / "out" / "argv.json").read_text())
    assert isinstance(words, list)
    return words


@pytest.mark.parametrize("kind", SERVERS)
def test_every_argument_reaches_the_server_as_it_is(tmp_path: Path, kind: str) -> None:
    without = started(tmp_path / "without", kind, [])
    words = started(tmp_path / "with", kind, HOSTILE)
    assert words[len(without) :] == HOSTILE
    assert not list(tmp_path.rglob("hacked"))


@pytest.mark.parametrize("kind", SERVERS)
def test_words_of_the_variable_come_before_the_arguments(tmp_path: Path, kind: str) -> None:
    words = started(tmp_path / "x", kind, ["--seed", "2"], SERVER_ARGS="--seed 1")
    assert words[-4:] == ["--seed", "1", "--seed", "2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" --pooling  cls ", ["--pooling", "cls"]),
        (
            "--enable-auto-tool-choice\n--tool-call-parser hermes\n",
            ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"],
        ),
        (
            '--speculative-config \'{"method": "mtp", "num_speculative_tokens": 3}\'\n',
            ["--speculative-config", '{"method": "mtp", "num_speculative_tokens": 3}'],
        ),
        ('--speculative-config={"method":"mtp"}', ['--speculative-config={"method":"mtp"}']),
        ("--x='a b' --y=\"c d\"", ["--x=a b", "--y=c d"]),
        ('--x "{\\"a\\": \\"\\\\\\\\\\"}" last', ["--x", '{"a": "\\\\"}', "last"]),
        ("--x '' \"\"", ["--x", "", ""]),
        ("it's a \"test", ["it's", "a", '"test']),
        ('{"a":"b"} ["c","d"]', ['{"a":"b"}', '["c","d"]']),
        ("$(touch hacked) *", ["$(touch", "hacked)", "*"]),
    ],
)
def test_the_variable_is_split_at_spaces_outside_of_quotes(tmp_path: Path, text: str, words: list[str]) -> None:
    assert split_words(text) == words
    assert started(tmp_path / "x", "tei", [], SERVER_ARGS=text)[6:] == words


def test_entrypoints_and_rules_split_the_variable_alike(tmp_path: Path) -> None:
    chance = random.Random(5)
    for number in range(25):
        text = "".join(chance.choice("ab-='\"\\ \n\t{}[](),:$") for _ in range(chance.randrange(30)))
        assert started(tmp_path / str(number), "tei", [], SERVER_ARGS=text)[6:] == split_words(text), repr(text)
