"""What `serverArgs` and SERVER_ARGS become: the arguments of the server's process, word by word."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

import parts
from containers.context import SERVERS, Container, container
from lisa_schema.server_arguments import split_words

WEIGHTS = {"config.json": b"{}", "model.safetensors": b"w"}
ENGINES = [kind for kind in SERVERS if kind != "instructor"]
PRINTER = """#!/bin/bash
[[ ${1:-} != -c ]] || exec "$FAKE_PYTHON" "$@"
exec "$FAKE_PYTHON" -c 'import json, os, sys
open(os.environ["FAKE_OUT"] + "/argv.json", "w").write(json.dumps(sys.argv[1:]))' "$@"
"""
PARSE = """
import json, os, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
found = vars(make_arg_parser(FlexibleArgumentParser()).parse_args(sys.argv[1:]))
names = ("model_tag served_model_name port max_model_len trust_remote_code enable_auto_tool_choice tool_call_parser "
         "hf_overrides speculative_config chat_template").split()
print(json.dumps({name: found[name] for name in names}), flush=True)
os._exit(0)  # Threads of PyTorch and vLLM may not end.
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


@pytest.mark.parametrize("kind", ENGINES)
def test_every_argument_reaches_the_server_as_it_is(tmp_path: Path, kind: str) -> None:
    without = started(tmp_path / "without", kind, [])
    words = started(tmp_path / "with", kind, HOSTILE)
    assert words[len(without) :] == HOSTILE
    assert not list(tmp_path.rglob("hacked"))


@pytest.mark.parametrize("kind", ENGINES)
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


@pytest.mark.skipif(not parts.pytorch().is_installed, reason="`make weights-parts` installs vLLM")
def test_the_parser_of_vllm_reads_what_the_entrypoint_passes(tmp_path: Path) -> None:
    speculative = '{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4}'
    words = started(
        tmp_path / "x",
        "vllm",
        ["--speculative-config", speculative, "--chat-template", '{{ messages }} it\'s "new"\n'],
        SERVER_ARGS="--enable-auto-tool-choice\n--tool-call-parser hermes\n--hf-overrides '{\"rope_theta\": 5}'\n",
        MAX_TOTAL_TOKENS="4096",
        TRUST_REMOTE_CODE="true",
    )
    assert words[0] == "serve"
    parsed = subprocess.run(
        [str(parts.PYTORCH / "bin/python"), "-c", PARSE, *words[1:]],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert json.loads(parsed.stdout.splitlines()[-1]) == {
        "model_tag": str(tmp_path / "x" / "nvme" / "model"),
        "served_model_name": ["org/name"],
        "port": 8080,
        "max_model_len": 4096,
        "trust_remote_code": True,
        "enable_auto_tool_choice": True,
        "tool_call_parser": "hermes",
        "hf_overrides": {"rope_theta": 5},
        "speculative_config": json.loads(speculative),
        "chat_template": '{{ messages }} it\'s "new"\n',
    }
