"""What every fetcher owes: the document or a reason, within bounds, and never an address that may not be dialled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.dialler.fetcher import CheckedFetcher
from remit.core.egress import Learned, Registered
from remit.core.errors import Denied, Outage
from remit.core.reasons import Reason
from remit.ports.dialler import Fetcher
from remit.testing.dialler import FakeFetcher
from tests.peers.raw_server import Got, ok, raw_server

HERE = Registered(names_address=True)
Case = tuple[Fetcher, str]


@pytest.fixture(params=["fake", "checked"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    """A fetcher and the URL of a document of two bytes."""

    async def answer(got: Got) -> None:
        found = got.head.startswith(b"GET /doc ")
        await got.send(ok(b"{}", status=b"200 OK" if found else b"404 Not Found"))

    async with raw_server(answer) as server:
        url = f"http://127.0.0.1:{server.port}/doc"
        yield (FakeFetcher({url: b"{}"}) if request.param == "fake" else CheckedFetcher(CheckedDialler())), url


async def test_a_document_is_fetched_whole(case: Case) -> None:
    fetcher, url = case
    assert (await fetcher.fetch(url, HERE, bytes_max=2)).content == b"{}"


async def test_a_document_that_is_not_there_is_an_outage(case: Case) -> None:
    fetcher, url = case
    with pytest.raises(Outage):
        await fetcher.fetch(f"{url}/none", HERE, bytes_max=2)


async def test_a_document_too_large_is_an_outage(case: Case) -> None:
    fetcher, url = case
    with pytest.raises(Outage) as caught:
        await fetcher.fetch(url, HERE, bytes_max=1)
    assert caught.value.reason is Reason.UPSTREAM_TOO_LARGE


async def test_a_document_at_an_address_not_to_be_dialled_is_denied(case: Case) -> None:
    fetcher, url = case
    with pytest.raises(Denied):
        await fetcher.fetch(url, Learned(), bytes_max=2)
