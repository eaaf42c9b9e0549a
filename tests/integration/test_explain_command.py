"""`funcgate explain` and `funcgate verify`: what is true of the way to a function, link by link, and by calls."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from azuresim.scenarios import put
from integration.azure_stage import on_stage
from integration.terminal import Terminal


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    """All is settled already."""
    async with on_stage() as stage:
        await stage.settled()
        yield Terminal(stage, tmp_path)


def signs(out: str) -> dict[str, str]:
    """The sign before each link."""
    lines = [line.split() for line in out.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return {words[1]: words[0] for words in lines}


LINKS = ("caller", "gateway", "token", "key", "door", "function", "proof")


async def test_a_chain_that_holds_is_shown_link_by_link(terminal: Terminal) -> None:
    ran = await terminal.process("explain", "-f", terminal.manifest())
    assert (ran.code, signs(ran.out), terminal.writes()) == (0, dict.fromkeys(LINKS, "✓"), [])
    assert ran.out.splitlines()[0] == "shop/orders"
    assert "proof     A call past the gateway was refused with 401." in ran.out


async def test_the_link_that_is_broken_is_marked_with_its_cause(terminal: Terminal) -> None:
    terminal.stage.auth["globalValidation"]["excludedPaths"] = ["/v1/open"]
    ran = await terminal.run("explain", "-f", terminal.manifest())
    assert (ran.code, signs(ran.out)) == (1, dict.fromkeys(LINKS, "✓") | {"door": "✗", "proof": "?"})
    assert "✗ door      ExcludedPaths: " in ran.out


async def test_a_chain_as_data_has_each_link_with_its_state(terminal: Terminal) -> None:
    ran = await terminal.run("explain", "-f", terminal.manifest(), "-o", "json")
    (chain,) = json.loads(ran.out)
    assert (chain["binding"], [each["link"] for each in chain["links"]]) == ("shop/orders", list(LINKS))
    assert {each["state"] for each in chain["links"]} == {"holds"}


async def test_calls_that_come_out_well_are_said_and_end_with_0(terminal: Terminal) -> None:
    ran = await terminal.run("verify", "-f", terminal.manifest())
    assert (ran.code, ran.out) == (0, "shop/orders: True InSync: A call past the gateway was refused with 401.\n")


async def test_a_call_that_fails_is_said_with_whose_refusal_it_was(terminal: Terminal) -> None:
    ran = await terminal.run("verify", "-f", terminal.manifest(verify={"operation": "GET /ping"}), "-o", "json")
    (proof,) = json.loads(ran.out)
    assert (ran.code, proof["binding"], proof["reason"]) == (1, "shop/orders", "SubscriptionKeyMissing")


async def test_what_cannot_be_seen_ends_with_2(terminal: Terminal) -> None:
    rule = {"ipAddress": "10.0.0.0/8", "action": "Allow", "priority": 1, "name": "inside"}
    put(terminal.stage.world, f"{terminal.stage.team.site_id}/config/web", {"ipSecurityRestrictions": [rule]})
    ran = await terminal.run("verify", "-f", terminal.manifest())
    assert (ran.code, "NotSeenFromHere" in ran.out) == (2, True)


@pytest.mark.parametrize("command", ["explain", "verify"])
async def test_a_wrong_option_ends_with_1(terminal: Terminal, command: str) -> None:
    ran = await terminal.run(command, "--loudly")
    assert (ran.code, "--loudly" in ran.err) == (1, True)
