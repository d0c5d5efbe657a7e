"""The official MCP conformance suite sees the same server with Remit in front of it as without."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.conformance.results import LegRun, differences, readable
from tests.conformance.runner import LEGS, Suite, run_legs
from tests.peers import launch

pytestmark = pytest.mark.timeout(300)

SCENARIOS = {"2025-11-25": 33, "2026-07-28": 50}
"""How many the pinned suite runs for a server, scored or not."""

CHECKS_PASSED = {"2025-11-25": 84, "2026-07-28": 164}
"""How many the fixture passes. What it fails belongs to the tasks extension, which the SDK does not have."""


def assert_complete(run: LegRun) -> None:
    assert run.conformant, str(run)
    assert (len(run.findings), run.checks_passed) == (SCENARIOS[run.leg], CHECKS_PASSED[run.leg])


@pytest.mark.parametrize("leg", LEGS)
def test_the_fixture_server_itself_is_conformant(leg: str, direct: Mapping[str, LegRun], report: list[LegRun]) -> None:
    report.append(direct[leg])
    assert_complete(direct[leg])


@pytest.mark.parametrize("leg", LEGS)
def test_every_check_has_the_same_result_through_remit(
    leg: str, direct: Mapping[str, LegRun], through_remit: Mapping[str, LegRun], report: list[LegRun]
) -> None:
    report.append(through_remit[leg])
    found = differences(direct[leg].findings, through_remit[leg].findings)
    assert not found, readable(found)
    assert_complete(through_remit[leg])


def test_one_server_of_both_eras_is_conformant_in_both_legs(suite: Suite) -> None:
    with launch.everything("dual") as url:
        for run in asyncio.run(run_legs(suite, url)).values():
            assert_complete(run)


@pytest.mark.parametrize("leg", LEGS)
def test_the_bearer_shim_changes_no_result(
    leg: str, suite: Suite, upstreams: Mapping[str, str], direct: Mapping[str, LegRun]
) -> None:
    """Without this twin a difference could be the shim's and not Remit's."""
    run = asyncio.run(run_legs(suite, upstreams[leg], bearer="ignored-by-the-fixture", legs=[leg]))[leg]
    found = differences(direct[leg].findings, run.findings)
    assert not found, readable(found)


@pytest.mark.parametrize(("leg", "other"), [LEGS, LEGS[::-1]])
def test_a_server_that_breaks_is_found(leg: str, other: str, suite: Suite, upstreams: Mapping[str, str]) -> None:
    """A server of the wrong era stands in for a gateway that loses something: the suite must not call it conformant."""
    run = asyncio.run(suite.run_leg(leg, upstreams[other], "tools-list"))
    assert not run.conformant
