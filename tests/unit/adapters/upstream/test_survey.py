"""A survey that is called off: it ends, whatever the server does in the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from remit.adapters.upstream.survey import Surveyor
from remit.core.errors import Outage, refuse
from remit.core.reasons import Reason
from remit.ports.upstream import Reply


class Answering:
    """A channel whose server answers when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def request(self, method: str, params: Mapping[str, Any]) -> Reply:
        self.asked.set()
        return await self.answer

    async def initialized(self, version: str, session: str) -> None: ...

    def close(self) -> None: ...


async def begun() -> tuple[Answering, asyncio.Task[object]]:
    channel = Answering()

    async def opened(_: object) -> Answering:
        return channel

    task: asyncio.Task[object] = asyncio.create_task(Surveyor("peer", opened).run(30))
    await channel.asked.wait()
    return channel, task


@pytest.mark.parametrize("turns", range(8))
async def test_a_survey_called_off_as_the_server_dies_is_called_off(turns: int) -> None:
    channel, task = await begun()
    channel.answer.set_exception(refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process has ended"))
    for _ in range(turns):
        await asyncio.sleep(0)
        if task.done():
            break
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return
    with pytest.raises(Outage):  # it had ended before
        await task


async def test_a_server_that_dies_ends_the_survey_with_an_outage() -> None:
    channel, task = await begun()
    channel.answer.set_exception(refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process has ended"))
    with pytest.raises(Outage):
        await task
