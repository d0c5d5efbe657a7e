"""Whoever chooses the URL of a document chooses the name server too: a slow one takes no more than one of the few
lookups that the system does at once, and none from the servers that an operator wrote down.
"""

from __future__ import annotations

import asyncio

import pytest

from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.dialler.fetcher import CheckedFetcher
from remit.core.egress import Learned, parse_peer, registered
from remit.core.errors import Denied, Outage, Refusal


class Names:
    """Answers with an inside address, for names that are slow not before they are let; giving up ends no lookup, as
    with the system's.
    """

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.slow = asyncio.Event()

    async def look_up(self, host: str, _port: int) -> list[str]:
        return await asyncio.shield(asyncio.ensure_future(self._answer(host)))

    async def _answer(self, host: str) -> list[str]:
        self.under_way.append(host)
        if host.startswith("slow"):
            await self.slow.wait()
        self.under_way.remove(host)
        return ["10.0.0.1"]


async def test_slow_names_of_documents_hold_up_no_server_and_are_looked_up_one_at_a_time() -> None:
    names = Names()
    dialler = CheckedDialler(names.look_up)
    fetcher = CheckedFetcher(dialler, fetch_s_max=0.05)

    async def read(host: str) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await fetcher.fetch(f"https://{host}/client.json", Learned(), bytes_max=100)
        return caught.value

    read_at_once = await asyncio.gather(*(read(f"slow{number}.example") for number in range(4)))
    assert {type(each) for each in read_at_once} == {Outage}
    assert names.under_way == ["slow0.example"]  # after everybody has given up
    server = parse_peer("https://server.example/mcp")
    with pytest.raises(Denied):  # found, and refused for where it is
        await dialler.dial(asyncio.Protocol, server, registered(server))
    names.slow.set()
    assert isinstance(await read("quick.example"), Denied)
    assert names.under_way == []
