"""GO-2026-5996 and GO-2026-6002 (ToolHive), CVE-2026-77822 (ContextForge), CVE-2026-44694, CVE-2026-80347,
CVE-2026-77261, CVE-2026-79747 (MCPHub), CVE-2026-26118 (Azure MCP), CVE-2026-51994 (mcp-remote): the dialler refuses
inside addresses however they are wrapped, and dials the address it checked. `test_egress_ssrf.py` has every variant;
here are the ones that stand for them when the defence is removed.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from remit.adapters.dialler.checked import CheckedDialler, Resolver
from remit.adapters.dialler.fetcher import CheckedFetcher
from remit.core.egress import Learned, parse_peer, registered
from remit.core.errors import Denied, Refusal
from tests.attack.scene import Gains
from tests.peers.raw_server import Got, RawServer, ok, raw_server

DISGUISES = ["127.0.0.1", "[::ffff:127.0.0.1]", "evil.example"]


async def resolves_here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def changing() -> Resolver:
    """The first answer is one the operator allowed, each later one is loopback: what rebinding looks like."""
    answers = iter(["127.0.0.2"])

    async def resolve(host: str, port: int) -> list[str]:
        return [next(answers, "127.0.0.1")]

    return resolve


async def answer(got: Got) -> None:
    await got.send(ok(b'{"secret":"inside"}'))


async def fetched(server: RawServer, host: str) -> bytes:
    fetcher = CheckedFetcher(CheckedDialler(resolves_here), fetch_s_max=3)
    return (await fetcher.fetch(f"http://{host}:{server.port}/", Learned(), bytes_max=1000)).content


async def a_learned_url_that_leads_inside(_: Path) -> Gains:
    async with raw_server(answer) as server:
        gains: Gains = []
        for host in DISGUISES:
            try:
                gains.append(f"{host} answered {(await fetched(server, host))!r}")
            except Denied:
                continue
        url = f"http://127.0.0.1:{server.port}/"  # an operator's own address is another matter
        trusted = registered(parse_peer(url))
        found = await CheckedFetcher(CheckedDialler()).fetch(url, trusted, bytes_max=1000)
        assert found.content == b'{"secret":"inside"}'
        return gains


async def a_name_that_changes_its_answer(_: Path) -> Gains:
    """Allowed is 127.0.0.2, where nobody listens; the listener is at 127.0.0.1."""
    async with raw_server(answer) as server:
        url = f"http://crm.example:{server.port}/"
        trust = registered(parse_peer(url), ("127.0.0.2/32",))
        with contextlib.suppress(Refusal):
            fetcher = CheckedFetcher(CheckedDialler(changing()), fetch_s_max=3)
            await fetcher.fetch(url, trust, bytes_max=1000)
        gains = ["the second answer was dialled"] * len(server.got)
        allowed = registered(parse_peer(url), ("127.0.0.1/32",))
        assert (await CheckedFetcher(CheckedDialler(resolves_here)).fetch(url, allowed, bytes_max=1000)).content
        return gains


async def test_a_learned_url_never_leads_inside() -> None:
    assert await a_learned_url_that_leads_inside(Path()) == []


async def test_the_address_dialled_is_the_address_checked() -> None:
    assert await a_name_that_changes_its_answer(Path()) == []
