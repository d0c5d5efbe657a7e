"""TLS to a server: the certificate is checked against the registered authority and name, always."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from remit.core.errors import Outage
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.registration import Http
from tests.peers.certificate import certificate
from tests.peers.raw_server import ok, result
from tests.scenes.upstream import a_config, call, upstreams


@asynccontextmanager
async def secure_server(pem: Path, key: Path) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                id = int((await reader.readexactly(length)).partition(b'"id":')[2].split(b",")[0])
                writer.write(ok(result(id)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_certificate_of_the_registered_authority_is_accepted(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    async with secure_server(pem, key) as port:
        config = a_config(Http(f"https://127.0.0.1:{port}/mcp", ca_file=str(pem)))
        async with upstreams(config) as remit:
            for _ in range(3):
                assert (await call(remit)).status is OutcomeStatus.OK


@pytest.mark.parametrize("case", ["unknown authority", "another address"])
async def test_any_other_certificate_is_an_outage(tmp_path: Path, case: str) -> None:
    pem, key = certificate(tmp_path, "127.0.0.2" if case == "another address" else "127.0.0.1")
    ca_file = str(pem) if case == "another address" else ""
    async with secure_server(pem, key) as port:
        config = a_config(Http(f"https://127.0.0.1:{port}/mcp", ca_file=ca_file))
        async with upstreams(config) as remit:
            with pytest.raises(Outage) as caught:
                await call(remit)
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert "TLS" in caught.value.detail


async def test_an_authority_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with upstreams(a_config(Http("https://127.0.0.1:9/mcp", ca_file=str(tmp_path / "none.pem")))) as remit:
        with pytest.raises(Outage) as caught:
            await call(remit)
    assert "none.pem" in caught.value.detail
