"""What every implementation of the calls port does, the fake included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from remit.adapters.calls.tracked import TrackedCalls
from remit.core.errors import Denied, Unauthenticated
from remit.core.grant import Calls as CallBudget
from remit.core.grant import GrantEvent, LiveGrant
from remit.core.reasons import Reason
from remit.ports.calls import Calls
from remit.testing.calls import FakeCalls
from tests.scenes.grant import a_live_grant

LONG_S = 60.0


@pytest.fixture(params=[TrackedCalls, FakeCalls], ids=["tracked", "fake"])
def make(request: pytest.FixtureRequest) -> Callable[..., Calls]:
    return lambda in_flight_max=64: request.param(in_flight_max=in_flight_max)


class Work:
    """A call that says when it has started, waits to be told how to go on, and remembers whether it was cancelled."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.cancelled = False

    async def __call__(self) -> str:
        self.started.set()
        try:
            return await self.answer
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def under_way(calls: Calls, live: LiveGrant, work: Work) -> asyncio.Task[str]:
    task = asyncio.ensure_future(calls.run(live, work(), deadline_s=LONG_S))
    await work.started.wait()
    return task


async def test_a_call_returns_what_its_work_returns(make: Callable[..., Calls]) -> None:
    calls, work = make(), Work()
    task = await under_way(calls, a_live_grant(), work)
    assert calls.in_flight("grt_1") == 1
    work.answer.set_result("done")
    assert await task == "done"
    assert calls.in_flight("grt_1") == 0


async def test_a_call_raises_what_its_work_raises(make: Callable[..., Calls]) -> None:
    calls, work = make(), Work()
    task = await under_way(calls, a_live_grant(), work)
    work.answer.set_exception(ConnectionError("gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await task
    assert calls.in_flight("grt_1") == 0


async def test_ending_a_grant_cancels_its_calls_with_the_cause(make: Callable[..., Calls]) -> None:
    calls, live, first, second = make(), a_live_grant(), Work(), Work()
    tasks = [await under_way(calls, live, first), await under_way(calls, live, second)]
    assert calls.end("grt_1", Reason.GRANT_ENDED) == 2
    for task in tasks:
        with pytest.raises(Unauthenticated) as caught:
            await task
        assert caught.value.reason is Reason.GRANT_ENDED
    assert first.cancelled
    assert second.cancelled


async def test_ending_a_grant_leaves_the_calls_of_others_alone(make: Callable[..., Calls]) -> None:
    calls, work = make(), Work()
    task = await under_way(calls, a_live_grant(id="grt_2"), work)
    assert calls.end("grt_1", Reason.GRANT_ENDED) == 0
    work.answer.set_result("done")
    assert await task == "done"


async def test_ending_twice_stops_nothing_twice_and_the_first_cause_stands(make: Callable[..., Calls]) -> None:
    calls, work = make(), Work()
    task = await under_way(calls, a_live_grant(), work)
    assert calls.end("grt_1", Reason.GRANT_IDLE) == 1
    assert calls.end("grt_1", Reason.GRANT_ENDED) == 0
    with pytest.raises(Unauthenticated) as caught:
        await task
    assert caught.value.reason is Reason.GRANT_IDLE


async def test_a_grant_that_ended_first_starts_nothing(make: Callable[..., Calls]) -> None:
    calls, live, work = make(), a_live_grant(), Work()
    live.apply(GrantEvent.REVOKE)
    with pytest.raises(Unauthenticated) as caught:
        await calls.run(live, work(), deadline_s=LONG_S)
    assert caught.value.reason is Reason.GRANT_ENDED
    assert not work.started.is_set()


async def test_the_last_call_of_an_exhausted_grant_still_runs(make: Callable[..., Calls]) -> None:
    calls, live, work = make(), a_live_grant(budget=CallBudget(1)), Work()
    live.charge()
    live.apply(GrantEvent.EXHAUST)
    task = await under_way(calls, live, work)
    work.answer.set_result("done")
    assert await task == "done"


async def test_more_calls_than_the_limit_are_denied_until_one_finishes(make: Callable[..., Calls]) -> None:
    calls, live, first, second, third = make(in_flight_max=1), a_live_grant(), Work(), Work(), Work()
    task = await under_way(calls, live, first)
    with pytest.raises(Denied) as caught:
        await calls.run(live, second(), deadline_s=LONG_S)
    assert caught.value.reason is Reason.LIMIT_CONCURRENCY
    assert not second.started.is_set()
    first.answer.set_result("done")
    await task
    third.answer.set_result("done")
    assert await calls.run(live, third(), deadline_s=LONG_S) == "done"


async def test_a_cancellation_from_outside_passes_as_such(make: Callable[..., Calls]) -> None:
    calls, work = make(), Work()
    task = await under_way(calls, a_live_grant(), work)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert calls.in_flight("grt_1") == 0


async def test_a_call_that_swallows_its_end_is_still_refused(make: Callable[..., Calls]) -> None:
    calls, live, started = make(), a_live_grant(), asyncio.Event()

    async def stubborn() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "an answer nobody may see"
        raise AssertionError("unreachable")

    task = asyncio.ensure_future(calls.run(live, stubborn(), deadline_s=LONG_S))
    await started.wait()
    calls.end("grt_1", Reason.GRANT_ENDED)
    with pytest.raises(Unauthenticated):
        await task


async def test_a_call_that_ends_its_own_grant_is_refused_and_its_task_goes_on(make: Callable[..., Calls]) -> None:
    calls, live = make(), a_live_grant()

    async def self_ending() -> str:
        calls.end("grt_1", Reason.GRANT_ENDED)
        return "an answer nobody may see"

    with pytest.raises(Unauthenticated):
        await calls.run(live, self_ending(), deadline_s=LONG_S)
    await asyncio.sleep(0)  # a cancellation left behind would strike here
    assert calls.in_flight("grt_1") == 0
