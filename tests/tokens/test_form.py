"""The form of API tokens, in the package that is deployed and in the compiler, which must agree."""

from __future__ import annotations

import hashlib
import re
import zlib
from types import ModuleType

import pytest

import lisa_tokens.form as deployed
from lisa_compiler.tokens import form as compiled

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ZEROS = f"lisa_{'0' * 43}"


def base62(number: int, length: int) -> str:
    """As a person would write it: the remainders from the last to the first."""
    text = ""
    while number:
        text = ALPHABET[number % 62] + text
        number //= 62
    return text.rjust(length, "0")


@pytest.fixture(params=[deployed, compiled], ids=["deployed", "compiler"])
def form(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def test_a_token_has_a_prefix_32_random_bytes_and_a_checksum(form: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form.secrets, "token_bytes", lambda count: b"\xff" * count)
    beginning = f"lisa_{base62(2**256 - 1, 43)}"
    assert form.new_token() == beginning + base62(zlib.crc32(beginning.encode()), 6)
    monkeypatch.setattr(form.secrets, "token_bytes", lambda count: b"\0" * count)
    assert form.new_token() == ZEROS + base62(zlib.crc32(ZEROS.encode()), 6)


def test_tokens_are_different_and_recognized_by_both(form: ModuleType) -> None:
    tokens = {form.new_token() for _ in range(200)}
    assert len(tokens) == 200
    for token in tokens:
        assert re.fullmatch(r"lisa_[0-9A-Za-z]{49}", token)
        assert deployed.has_token_form(token)
        assert deployed.has_valid_checksum(token)
        assert deployed.stored_key(token) == compiled.stored_key(token)
        assert compiled.stored_key(token) == f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"
    assert {len(form.new_token_id()) for _ in range(20)} == {12}


def test_any_changed_character_fails_the_checksum() -> None:
    token = deployed.new_token()
    for place in range(len("lisa_"), len(token)):
        other = "1" if token[place] == "0" else "0"
        changed = token[:place] + other + token[place + 1 :]
        assert deployed.has_token_form(changed)
        assert not deployed.has_valid_checksum(changed)


@pytest.mark.parametrize(
    "text", ["", "lisa_", ZEROS, f"{ZEROS}0000000", f"{ZEROS}00000\n", f"{ZEROS}00000-", f"LISA_{ZEROS[5:]}000000"]
)
def test_other_texts_have_another_form(text: str) -> None:
    assert not deployed.has_token_form(text)
