"""What a server in LiteLLM's place sends for one caller reaches no other, and neither fills the memory nor hangs."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from gateway import hostile_upstream
from gateway.conftest import Aws, settings
from gateway.hostile_upstream import ANSWERED, BROKEN, FOREIGN, LATE, LENIENT, REFUSED, SLOW
from gateway.processes import Gateway, gateway

DIRECT = "hosted"
CALLERS = [f"caller-{number}-5f1c" for number in range(8)]
_numbers = count()


@pytest.fixture(scope="module")
def attacked(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of a hostile server, which lets some callers in."""
    for token in CALLERS:
        aws.put_token(token)
    folder = tmp_path_factory.mktemp("gateway")
    with hostile_upstream.serving() as url:
        direct = {"name": DIRECT, "route": "direct", "type": "textgen", "address": url, "operations": ["chat"]}
        others = {"name": "*", "route": "litellm"}
        (folder / "routes.json").write_text(json.dumps({"schemaVersion": 1, "models": [direct, others]}))
        environment = settings(aws, "http://127.0.0.1:1", url)
        environment |= {"ANSWER_TIMEOUT": "2", "ROUTES_FILE": str(folder / "routes.json")}
        with gateway(folder, environment) as found:
            yield found


class Outcome:
    """What a caller got: its own answer (`own`), an error (`502` and so on), or a broken connection (`broken`)."""

    def __init__(self, marker: str, status: int, headers: str, body: bytes, *, is_broken: bool, is_late: bool) -> None:
        self.name = "broken" if is_broken else str(status)
        for found in hostile_upstream.MARKER.findall(body):
            owner = marker.rpartition("-")[0].encode()
            assert found.startswith(owner) if is_late else marker.encode().startswith(found), f"{marker} got {body!r}"
        assert is_late or FOREIGN not in body, body
        assert FOREIGN.decode() not in headers
        if status == 200 and not is_broken:
            assert body == marker.encode() or is_late
            self.name = "own"
        elif status not in (200, 204):
            error = json.loads(body)["error"]
            assert error["message"]
            assert error["code"] in ("upstream_unreachable", "upstream_timeout")


async def ask(
    session: aiohttp.ClientSession,
    served: Gateway,
    token: str,
    attack: str,
    *,
    is_late: bool = False,
    model: str = "stub",
) -> Outcome:
    marker = f"marker-{token}-{next(_numbers)}"
    headers = {"Authorization": f"Bearer {token}"}
    content = {"model": model, "user": f"attack={attack}", "messages": [{"role": "user", "content": marker}]}
    url = f"{served.url}/v2/serve/chat/completions"
    received = b""
    try:
        async with session.post(url, json=content, headers=headers) as answer:
            try:
                async for part in answer.content.iter_any():
                    received += part
                is_broken = False
            except aiohttp.ClientPayloadError:
                is_broken = True
            return Outcome(marker, answer.status, str(answer.headers), received, is_broken=is_broken, is_late=is_late)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        return Outcome(marker, 200, "", received, is_broken=True, is_late=is_late)


def ask_all(served: Gateway, attacks: list[str], *, rounds: int = 3, model: str = "stub") -> Counter[str]:
    """Each caller asks with each attack at once, several times, and in between without one; outcomes by name."""
    is_late = any(attack in LATE for attack in attacks)

    async def one(session: aiohttp.ClientSession, token: str, attack: str) -> list[tuple[str, Outcome]]:
        found = []
        for _ in range(rounds):
            for asked in (attack, ""):
                found.append((asked, await ask(session, served, token, asked, is_late=is_late, model=model)))
        return found

    async def all_of_them() -> Counter[str]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
            found = await asyncio.gather(*(one(session, token, attack) for token in CALLERS for attack in attacks))
        return Counter(f"{attack}: {outcome.name}" for pairs in found for attack, outcome in pairs)

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("attack", ANSWERED)
def test_a_caller_gets_its_own_answer_alone(attacked: Gateway, attack: str) -> None:
    got = ask_all(attacked, [attack])
    expected = "204" if attack == "body-after-204" else "own"
    assert got == {f"{attack}: {expected}": 24, ": own": 24}


@pytest.mark.parametrize("attack", LATE)
def test_what_comes_unasked_reaches_no_other_caller(attacked: Gateway, attack: str) -> None:
    got = ask_all(attacked, [attack], rounds=10)
    assert sum(got.values()) == 160


@pytest.mark.parametrize("attack", REFUSED)
def test_an_answer_that_is_not_one_is_an_error(attacked: Gateway, attack: str) -> None:
    assert ask_all(attacked, [attack], rounds=1) == {f"{attack}: 502": 8, ": own": 8}


@pytest.mark.parametrize("attack", SLOW)
def test_an_answer_that_does_not_come_is_an_error(attacked: Gateway, attack: str) -> None:
    assert ask_all(attacked, [attack], rounds=1) == {f"{attack}: 504": 8, ": own": 8}


@pytest.mark.parametrize("attack", BROKEN)
def test_an_answer_that_breaks_off_does_not_look_whole(attacked: Gateway, attack: str) -> None:
    got = ask_all(attacked, [attack], rounds=1)
    assert got.pop(": own") == 8
    assert set(got) <= {f"{attack}: broken", f"{attack}: 502"}


@pytest.mark.parametrize("attack", LENIENT)
def test_an_answer_that_is_unclear_is_the_callers_own_or_an_error(attacked: Gateway, attack: str) -> None:
    got = ask_all(attacked, [attack], rounds=1)
    assert got.pop(": own") == 8
    assert set(got) <= {f"{attack}: own", f"{attack}: 502", f"{attack}: broken"}


def test_many_callers_and_every_attack_at_once(attacked: Gateway) -> None:
    attacks = [*ANSWERED, *(name for name in REFUSED if "30-mb" not in name), *BROKEN, *LENIENT]
    got = ask_all(attacked, attacks, rounds=4)
    others = {name: times for name, times in got.items() if name.startswith(": ")}
    # What comes late can meet the next request of the same caller, which then fails; a busy machine can be too slow.
    assert set(others) <= {": own", ": 502", ": 504", ": broken"}
    assert others[": own"] > 0.9 * sum(others.values())


def test_memory_stays_bounded(attacked: Gateway) -> None:
    """240 answers of 30 MB of headers each, 24 at a time."""

    def resident() -> int:
        status = Path(f"/proc/{attacked.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    before = resident()
    attacks = ["one-header-of-30-mb", "30-mb-of-headers", "long-status-line"]
    got = ask_all(attacked, attacks, rounds=10)
    assert got[": own"] == 240
    assert resident() - before < 100


def test_a_models_own_server_can_do_no_more(attacked: Gateway) -> None:
    """Every attack of eight callers at once, on the direct path."""
    attacks = [*ANSWERED, *REFUSED, *BROKEN, *SLOW, *LENIENT]
    got = ask_all(attacked, attacks, rounds=1, model=DIRECT)
    expected = {
        # What comes late can meet the next request of the same caller, which then fails.
        **{attack: {"own", "204", "502", "broken"} for attack in ANSWERED},
        **{attack: {"502"} for attack in REFUSED},
        **{attack: {"broken", "502"} for attack in BROKEN},
        **{attack: {"504"} for attack in SLOW},
        **{attack: {"own", "broken", "502"} for attack in LENIENT},
    }
    found = {attack: {name.rpartition(": ")[2] for name in got if name.startswith(f"{attack}: ")} for attack in attacks}
    assert {attack: names for attack, names in found.items() if not names <= expected[attack]} == {}
    answered = {name: times for name, times in got.items() if name.rpartition(": ")[0] in ANSWERED}
    own = sum(times for name, times in answered.items() if name.endswith((": own", ": 204")))
    assert own > 0.9 * sum(answered.values())
    late = ask_all(attacked, [*LATE], rounds=3, model=DIRECT)
    assert sum(late.values()) == 2 * 2 * 3 * len(CALLERS)
