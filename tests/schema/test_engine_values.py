"""The tables of engines against the parser of the installed vLLM, and the values that options take."""

from __future__ import annotations

import json
import os
import subprocess
from importlib import resources
from typing import Any

import pytest

import parts
from lisa_schema.engine_settings import Support, names, support
from lisa_schema.engine_values import requires_value, takes_no_value, value_fault
from lisa_schema.engine_versions import version

PARSER = """
import json, os
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser
import vllm.envs
parser = make_arg_parser(FlexibleArgumentParser())
rows = {}
for action in parser._actions:
    for option in action.option_strings:
        words = None if action.choices is None else [str(choice) for choice in action.choices]
        rows[option.lstrip("-")] = [action.nargs == 0, words]

def refused(option, value):
    try:
        parser.parse_args(["--" + option, value])
    except SystemExit:
        return True
    except Exception:
        return True
    return False

tried = {}
for option, value in json.loads(os.environ["TRIED"]):
    tried[option + " " + value] = refused(option, value)
parsers = [sorted(ToolParserManager.list_registered()), sorted(ReasoningParserManager.list_registered())]
variables = sorted(vllm.envs.environment_variables)
forms = {}
for option, values in json.loads(os.environ["FORMS"]).items():
    forms[option] = [refused(option, value) for value in values] if option in rows else []
found = {"forms": forms, "rows": rows, "tried": tried, "parsers": parsers, "variables": variables}
print(json.dumps(found), flush=True)
os._exit(0)  # Threads of PyTorch and vLLM may not end.
"""
TRIED = [
    ("kv-cache-dtype", "fp9"),
    ("kv-cache-dtype", "fp8"),
    ("max-model-len", "8kb"),
    ("max-model-len", "32k"),
    ("max-num-seqs", "many"),
    ("max-num-seqs", "8"),
    ("speculative-config", "{method: mtp}"),
    ("speculative-config", '{"method": "mtp"}'),
    ("kv-transfer-config", "yes"),
    ("gpu-memory-utilization", "90%"),
    ("block-size", "16.5"),
]


NEWEST = version("0.32.0")
JSON_SAMPLES = {"json": ("x", "{bad}"), "object": ("3", "x", "[1]", '{"no_such_key": 1}'), "braced": ("{bad}",)}
"""Values that each form of JSON refuses."""


def json_samples() -> dict[str, tuple[str, ...]]:
    """The options of the newest release that take JSON, with values that they refuse by the table."""
    text = (resources.files("lisa_schema") / "data" / "engine_values.json").read_text(encoding="utf-8")
    table = json.loads(text)["engines"]["vllm"]
    found = {}
    for option, forms in table["forms"].items():
        form = next((form for form, spans in forms.items() if spans.split()[-1] == str(NEWEST)), "")
        # Names of one or two letters follow a single dash.
        if form in JSON_SAMPLES and len(option) > 2:
            samples = JSON_SAMPLES[form]
            found[option] = samples if option in table["keys"] else samples[:3]
    return found


@pytest.fixture(scope="module")
def real() -> Any:
    """What the parser of the installed vLLM has, and what it refuses."""
    if not parts.pytorch().is_installed:
        pytest.skip("`make weights-parts` installs vLLM")
    words = [str(parts.PYTORCH / "bin/python"), "-c", PARSER]
    environment = {**os.environ, "TRIED": json.dumps(TRIED), "FORMS": json.dumps(json_samples())}
    result = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300, env=environment)
    return json.loads(result.stdout.splitlines()[-1])


def test_the_table_has_what_the_parser_of_vllm_has(real: Any) -> None:
    options = set(real["rows"]) - {"h", "help"}
    table = {name for name in names("vllm", "options") if support("vllm", "options", name, NEWEST) is Support.YES}
    assert len(table) > 300
    assert table - options == set()
    assert {name for name in options - table if name.removeprefix("no-") not in table} == set()
    assert [name for name in real["variables"] if support("vllm", "variables", name, NEWEST) is not Support.YES] == []


def test_the_values_agree_with_the_parser_of_vllm(real: Any) -> None:
    for option, value in TRIED:
        assert (value_fault("vllm", option, value, NEWEST) is not None) == real["tried"][f"{option} {value}"], option
    flags = {name for name, (is_flag, _) in real["rows"].items() if is_flag and not name.startswith("no-")}
    assert {name for name in real["rows"] if takes_no_value("vllm", name, NEWEST)} - flags == set()
    assert len({name for name in flags if takes_no_value("vllm", name, NEWEST)}) > 90
    compared = 0
    for name, (is_flag, choices) in real["rows"].items():
        assert not (is_flag and requires_value("vllm", name, NEWEST)), name
        for choice in choices or ():
            assert value_fault("vllm", name, choice, NEWEST) is None, f"--{name} {choice}"
            compared += 1
    assert compared > 200
    for option, registered in zip(("tool-call-parser", "reasoning-parser"), real["parsers"], strict=True):
        assert [name for name in registered if value_fault("vllm", option, name, NEWEST) is not None] == []
        assert value_fault("vllm", option, "no-such-parser", NEWEST) is not None


@pytest.mark.parametrize(
    ("engine", "option", "value", "installed", "is_accepted"),
    [
        ("vllm", "kv-cache-dtype", "nvfp4", "0.9.2", False),
        ("vllm", "kv-cache-dtype", "nvfp4", "0.32.0", True),
        ("vllm", "kv-cache-dtype", "nvfp4", None, True),
        ("vllm", "kv-cache-dtype", "nvfp4", "0.99.0", True),
        ("vllm", "kv-cache-dtype", "fp9", None, False),
        ("vllm", "gpu-memory-utilization", "1.0", "0.32.0", True),
        ("vllm", "gpu-memory-utilization", "0", "0.32.0", False),
        ("vllm", "max-num-seqs", "0", "0.32.0", False),
        # Before 0.11 the parser has no limits: what the engine says later is not in the table.
        ("vllm", "max-num-seqs", "0", "0.9.2", True),
        ("vllm", "kv-transfer-config", '{"kv_port": 14k}', "0.32.0", True),
        ("vllm", "chat-template", "anything", "0.32.0", True),
        ("vllm", "no-such-option", "anything", "0.32.0", True),
        ("vllm", "limit-mm-per-prompt", "image=2", "0.32.0", False),
        ("vllm", "hf-overrides", "{bad json}", "0.32.0", False),
        ("vllm", "hf-overrides", "anything", "0.32.0", True),
        ("vllm", "compilation-config", "3", "0.32.0", False),
        ("vllm", "compilation-config", "3", "0.9.2", True),
        ("vllm", "compilation-config", '{"levle": 3}', "0.32.0", False),
        ("vllm", "VLLM_USE_DEEP_GEMM", "true", "0.32.0", False),
        ("vllm", "VLLM_USE_DEEP_GEMM", "1", "0.32.0", True),
        ("sglang", "schedule-policy", "lpm", "0.5.23", True),
        ("sglang", "schedule-policy", "shortest", "0.5.23", False),
        ("sglang", "tool-call-parser", "auto", "0.5.23", True),
    ],
)
def test_values(engine: str, option: str, value: str, installed: str | None, is_accepted: bool) -> None:
    found = value_fault(engine, option, value, version(installed) if installed else None)
    assert (found is None) is is_accepted


def test_faults_say_what_is_accepted() -> None:
    near = value_fault("vllm", "tool-call-parser", "hermess", NEWEST)
    assert near is not None
    assert near.fix == "Write `hermes`."
    limited = value_fault("vllm", "max-num-seqs", "0", NEWEST)
    assert limited is not None
    assert limited.wanted == "an integer of at least 1"
    share = value_fault("vllm", "gpu-memory-utilization", "7", NEWEST)
    assert share is not None
    assert share.wanted == "a number more than 0 and at most 1"
    flag = value_fault("vllm", "enable-prefix-caching", "false", NEWEST)
    assert flag is not None
    assert flag.fix == "Remove the value, and write `--no-enable-prefix-caching` to turn it off."


def test_json_of_older_recipes_is_written_as_json() -> None:
    old = value_fault("vllm", "limit-mm-per-prompt", "image=2,video=1", NEWEST)
    assert old is not None
    assert old.fix == 'Write `{"image": 2, "video": 1}`, in single quotes in YAML.'
    unknown = value_fault("vllm", "compilation-config", '{"mod": 3}', NEWEST)
    assert unknown is not None
    assert (unknown.wanted, unknown.fix) == ("no key `mod`", "Write `mode`.")


def test_the_parser_of_vllm_refuses_json_as_the_table_does(real: Any) -> None:
    samples = json_samples()
    assert len(samples) > 25
    for option, refusals in real["forms"].items():
        for value, is_refused in zip(samples[option], refusals, strict=False):
            assert is_refused, f"--{option} {value}"
            assert value_fault("vllm", option, value, NEWEST) is not None, f"--{option} {value}"


def test_the_table_names_releases_in_order() -> None:
    text = (resources.files("lisa_schema") / "data" / "engine_values.json").read_text(encoding="utf-8")
    for engine in json.loads(text)["engines"].values():
        ordered = engine["versions"]
        assert sorted(ordered, key=version) == ordered
        assert {"choice"} <= {form for forms in engine["forms"].values() for form in forms}
        assert set(engine["choices"]) == {name for name, forms in engine["forms"].items() if "choice" in forms}
