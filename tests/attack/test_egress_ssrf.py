"""Server-side request forgery: the ways round an address check that gateways fell for, each with a success twin.

THREATS: GO-2026-5996, GO-2026-6002 (NAT64, discovery), CVE-2026-80347 (bracketed literals), CVE-2026-77261 (redirects),
CVE-2026-44694 and CVE-2026-77822 (rebinding), CVE-2026-79747 (egress per server).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.dialler.fetcher import CheckedFetcher
from remit.core.egress import Learned, Registered, Trust, parse_peer, registered
from remit.core.errors import Denied, Outage
from remit.core.reasons import Reason
from tests.peers.raw_server import Got, Handler, RawServer, ok, raw_server

HERE = Registered(names_address=True)
PUBLIC = "93.184.215.14"


class Names:
    """A resolver whose answers a test writes down; each question takes the next answer of its name."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self._answers[host.partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Dialled(asyncio.Protocol):
    def __init__(self) -> None:
        self.to = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.to = transport.get_extra_info("peername")[0]
        transport.close()


async def dial(url: str, trust: Trust, names: Names | None = None) -> str:
    """The address that was connected to."""
    dialler = CheckedDialler(names) if names is not None else CheckedDialler()
    return (await dialler.dial(Dialled, parse_peer(url), trust)).to


async def refused(url: str, trust: Trust, names: Names | None = None) -> str:
    with pytest.raises(Denied) as caught:
        await asyncio.wait_for(dial(url, trust, names), 5)
    assert caught.value.reason is Reason.ADDRESS_REFUSED
    return caught.value.detail


@asynccontextmanager
async def listening(handle: Handler | None = None) -> AsyncIterator[RawServer]:
    async def answer(got: Got) -> None:
        await got.send(ok(b"{}"))

    async with raw_server(handle or answer) as server:
        yield server


INSIDE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "[::1]", "[::]",
    "[fc00::1]", "[fe80::1]", "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "224.0.0.1", "255.255.255.255",
    "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::10.0.0.1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[::127.0.0.1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
async def test_a_learned_url_never_reaches_inside_however_the_address_is_wrapped(host: str) -> None:
    assert "the host resolves to" in await refused(f"http://{host}/", Learned())  # read as written, then refused


@pytest.mark.parametrize("host", INSIDE)
async def test_a_name_that_resolves_inside_is_no_better(host: str) -> None:
    await refused("http://evil.example/", Learned(), Names(evil=[[host.strip("[]")]]))


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.01", "017700000001", "[::1%25lo]",
        "[::1%lo]", "127.0.0.1.", "0x7F.0.0.1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("trust", [Learned(), HERE])
async def test_other_spellings_of_an_address_are_not_read_at_all(host: str, trust: Trust) -> None:
    """A checker and a resolver that read one spelling differently are a way through; there is one spelling."""
    await refused(f"http://{host}/", trust)


@pytest.mark.parametrize(
    "url",
    [
        "http://user@127.0.0.1/", "http://example.com@127.0.0.1/", "http://example.com#@127.0.0.1/",
        "http://example.com\\@127.0.0.1/", "http://example.com/a\\b", "http://example.com/\\@127.0.0.1/",
        "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://example.com/",
        "http:///etc", "//127.0.0.1/", "http://exa mple.com/", "http://[::1", "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/", "http://example.com/\r\nx: y", "http://exämple.com/",
    ],
)  # fmt: skip
async def test_a_url_two_parsers_could_read_differently_is_refused(url: str) -> None:
    await refused(url, HERE)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0"]
)
async def test_metadata_and_link_local_are_refused_even_to_an_operators_name_with_open_networks(address: str) -> None:
    everything = registered(parse_peer("http://crm.example/"), ("0.0.0.0/0", "::/0"))
    await refused("http://crm.example/", everything, Names(crm=[[address]]))


async def test_an_operators_name_may_not_drift_inside() -> None:
    trust = registered(parse_peer("http://crm.example/"))
    assert "networks" in await refused("http://crm.example/", trust, Names(crm=[["127.0.0.1"]]))


async def test_an_operators_name_may_resolve_inside_its_networks() -> None:
    async with listening() as server:
        url = f"http://crm.example:{server.port}/"
        trust = registered(parse_peer(url), ("127.0.0.0/8",))
        assert await dial(url, trust, Names(crm=[["127.0.0.1"]])) == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_operators_own_address_is_reached(host: str) -> None:
    async with listening() as server:
        url = f"http://{host}:{server.port}/"
        assert await dial(url, registered(parse_peer(url)), Names(localhost=[["127.0.0.1"]])) == "127.0.0.1"


@pytest.mark.parametrize(("host", "read"), [("[2001:4860:4860::8888]", "2001:4860:4860::8888"), ("[::1]", "::1")])
def test_an_ipv6_address_between_brackets_is_read(host: str, read: str) -> None:
    peer = parse_peer(f"http://{host}:8080/mcp")
    assert (peer.host, peer.port, peer.authority) == (read, 8080, f"{host}:8080")


async def test_one_bad_address_among_good_ones_condemns_the_name() -> None:
    await refused("http://evil.example/", Learned(), Names(evil=[[PUBLIC, "127.0.0.1"]]))


async def test_a_name_that_changes_its_answer_is_asked_once_and_the_checked_address_dialled() -> None:
    """DNS rebinding: the second answer would be the metadata service."""
    async with listening() as server:
        url = f"http://crm.example:{server.port}/"
        names = Names(crm=[["127.0.0.1"], ["169.254.169.254"]])
        assert await dial(url, registered(parse_peer(url), ("127.0.0.1/32",)), names) == "127.0.0.1"
    assert names.asked == ["crm.example"]


async def test_the_refusal_does_not_tell_what_the_name_resolved_to() -> None:
    detail = await refused("http://evil.example/", Learned(), Names(evil=[["10.20.30.40"]]))
    assert "10.20" not in detail


# the fetcher ----------------------------------------------------------------------------------------------------------
async def fetch(server: RawServer, *, path: str = "/doc", bytes_max: int = 1000, fetch_s_max: float = 2.0) -> bytes:
    fetcher = CheckedFetcher(CheckedDialler(), fetch_s_max=fetch_s_max)
    return (await fetcher.fetch(f"http://127.0.0.1:{server.port}{path}", HERE, bytes_max=bytes_max)).content


async def test_a_document_is_fetched() -> None:
    async with listening() as server:
        assert await fetch(server, path="/doc?a=1") == b"{}"
    assert server.got[0].head.startswith(b"GET /doc?a=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("status", [b"301 X", b"302 X", b"303 X", b"307 X", b"308 X", b"204 X", b"404 X"])
async def test_a_redirect_is_not_followed_and_only_200_is_a_document(status: bytes) -> None:
    async with listening() as elsewhere:

        async def redirect(got: Got) -> None:
            location = b"location: http://127.0.0.1:%d/" % elsewhere.port
            await got.send(ok(b"" if status.startswith(b"204") else b"{}", location, status=status))

        async with listening(redirect) as server:
            with pytest.raises(Outage):
                await fetch(server)
    assert elsewhere.got == []


async def test_a_document_is_bounded_in_size() -> None:
    async def large(got: Got) -> None:
        await got.send(ok(b"x" * 1001))

    async with listening(large) as server:
        assert len(await fetch(server, bytes_max=1001)) == 1001
        with pytest.raises(Outage) as caught:
            await fetch(server)
    assert caught.value.reason is Reason.UPSTREAM_TOO_LARGE


async def test_a_document_that_drips_is_bounded_in_time() -> None:
    async def drip(got: Got) -> None:
        await got.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        while True:
            await got.send(b"x")
            await asyncio.sleep(0.05)

    async with listening(drip) as server:
        with pytest.raises(Outage) as caught:
            await asyncio.wait_for(fetch(server, fetch_s_max=0.3), 5)
    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT


async def test_a_learned_document_may_not_be_here() -> None:
    async with listening() as server:
        with pytest.raises(Denied):
            await CheckedFetcher(CheckedDialler()).fetch(f"http://127.0.0.1:{server.port}/", Learned(), bytes_max=9)
    assert server.got == []
