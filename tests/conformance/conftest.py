"""The official suite, the fixture servers it runs against, and Remit in front of them. One of each per session."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import pytest

from tests.conformance.results import LegRun
from tests.conformance.runner import Suite, run_legs
from tests.peers import launch
from tests.peers.remit_process import PERMIT_ALL, remit_process

ERAS: Final[Mapping[str, Literal["legacy", "modern"]]] = {"2025-11-25": "legacy", "2026-07-28": "modern"}
"""Leg → era of the server it runs against: each era to an upstream of its own."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Remit serves an upstream, and a token for exactly that resource."""

    url: str
    bearer: str


@pytest.fixture(scope="session")
def suite() -> Suite:
    return Suite.installed()


@pytest.fixture(scope="session")
def upstreams() -> Iterator[Mapping[str, str]]:
    """Leg → URL of a fixture server that speaks only that leg's era."""
    with contextlib.ExitStack() as stack:
        yield {leg: stack.enter_context(launch.everything(era)) for leg, era in ERAS.items()}


@pytest.fixture(scope="session")
def direct(suite: Suite, upstreams: Mapping[str, str]) -> Mapping[str, LegRun]:
    """Leg → what the suite finds without Remit."""
    return {leg: asyncio.run(suite.run_leg(leg, url)) for leg, url in upstreams.items()}


@pytest.fixture(scope="session")
def governed(
    upstreams: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Endpoint]]:
    """Leg → Remit's endpoint for that leg's upstream. The policy permits everything: what is held equal is the
    protocol.
    """
    servers = {era: {"http": {"url": upstreams[leg]}} for leg, era in ERAS.items()}
    folder = tmp_path_factory.mktemp("conformance")
    with remit_process(folder, servers, {"acme/everything.cedar": PERMIT_ALL}) as remit:
        yield {
            leg: Endpoint(f"{remit.url}/mcp/{era}", remit.token(f"/mcp/{era}", "--scope", era))
            for leg, era in ERAS.items()
        }


@pytest.fixture(scope="session")
def through_remit(suite: Suite, governed: Mapping[str, Endpoint]) -> Mapping[str, LegRun]:
    """Leg → what the suite finds through Remit."""
    runs: dict[str, LegRun] = {}
    for leg, endpoint in governed.items():
        runs |= asyncio.run(run_legs(suite, endpoint.url, bearer=endpoint.bearer, legs=[leg]))
    return runs


@pytest.fixture
def report(capfd: pytest.CaptureFixture[str]) -> Iterator[list[LegRun]]:
    """Runs put here are shown on the terminal, also when tests run in parallel and pass."""
    shown: list[LegRun] = []
    yield shown
    with capfd.disabled():
        sys.stderr.writelines(f"\nconformance {run}\n" for run in shown)
