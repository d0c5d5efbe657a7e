"""The races of stopping a call: whoever is first decides how it ends, and nothing is left pending."""

from __future__ import annotations

import asyncio

import pytest

from remit.adapters.calls.tracked import TrackedCalls
from remit.core.errors import Outage, Unauthenticated
from remit.core.reasons import Reason
from tests.scenes.grant import a_live_grant

LONG_S = 60.0


async def forever(started: asyncio.Event) -> str:
    started.set()
    await asyncio.Event().wait()
    return "never"


async def test_a_call_past_its_deadline_is_an_outage() -> None:
    calls = TrackedCalls(in_flight_max=4)
    with pytest.raises(Outage) as caught:
        await calls.run(a_live_grant(), forever(asyncio.Event()), deadline_s=0.001)
    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert calls.in_flight("grt_1") == 0


async def test_an_end_after_the_deadline_changes_nothing() -> None:
    calls, live, started = TrackedCalls(in_flight_max=4), a_live_grant(), asyncio.Event()
    unwinding, go_on = asyncio.Event(), asyncio.Event()

    async def slow_to_stop() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            unwinding.set()
            await go_on.wait()
        return "never"

    task = asyncio.ensure_future(calls.run(live, slow_to_stop(), deadline_s=0.001))
    await unwinding.wait()
    assert calls.end("grt_1", Reason.GRANT_ENDED) == 0
    go_on.set()
    with pytest.raises(Outage) as caught:
        await task
    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT


async def test_a_client_that_leaves_while_the_grant_ends_is_told_nothing() -> None:
    calls, started = TrackedCalls(in_flight_max=4), asyncio.Event()
    task = asyncio.ensure_future(calls.run(a_live_grant(), forever(started), deadline_s=LONG_S))
    await started.wait()
    calls.end("grt_1", Reason.GRANT_ENDED)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_the_task_of_an_ended_call_is_not_left_cancelled() -> None:
    calls, started = TrackedCalls(in_flight_max=4), asyncio.Event()

    async def handler() -> tuple[Reason, int]:
        try:
            await calls.run(a_live_grant(), forever(started), deadline_s=LONG_S)
        except Unauthenticated as refusal:
            await asyncio.sleep(0)  # the handler goes on to answer
            current = asyncio.current_task()
            assert current is not None
            return refusal.reason, current.cancelling()
        raise AssertionError("unreachable")

    task = asyncio.ensure_future(handler())
    await started.wait()
    calls.end("grt_1", Reason.GRANT_ENDED)
    assert await task == (Reason.GRANT_ENDED, 0)


async def test_an_end_that_meets_a_finished_answer_withholds_it() -> None:
    """The answer and the end arrive in the same turn of the loop."""
    calls, started = TrackedCalls(in_flight_max=4), asyncio.Event()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        started.set()
        return await answer

    task = asyncio.ensure_future(calls.run(a_live_grant(), work(), deadline_s=LONG_S))
    await started.wait()
    answer.set_result("too late")
    calls.end("grt_1", Reason.GRANT_ENDED)
    with pytest.raises(Unauthenticated):
        await task


async def test_a_refused_coroutine_is_closed_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    calls, started = TrackedCalls(in_flight_max=1), asyncio.Event()
    live = a_live_grant()
    task = asyncio.ensure_future(calls.run(live, forever(started), deadline_s=LONG_S))
    await started.wait()
    with pytest.raises(Exception, match="at most 1 at once"):
        await calls.run(live, forever(asyncio.Event()), deadline_s=LONG_S)
    assert [str(warning.message) for warning in recwarn] == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="in_flight_max"):
        TrackedCalls(in_flight_max=0)


async def test_each_call_has_its_own_deadline_whatever_their_order() -> None:
    """All calls share one timer; a later one with an earlier deadline must not wait for it."""
    calls, live = TrackedCalls(in_flight_max=4), a_live_grant()
    order: list[str] = []

    async def outcome(name: str, deadline_s: float) -> None:
        with pytest.raises(Outage):
            await calls.run(live, forever(asyncio.Event()), deadline_s=deadline_s)
        order.append(name)

    await asyncio.gather(outcome("slow", 0.06), outcome("quick", 0.01), outcome("middle", 0.03))
    assert order == ["quick", "middle", "slow"]


async def test_a_deadline_still_stands_after_the_timer_served_others() -> None:
    calls, live = TrackedCalls(in_flight_max=4), a_live_grant()
    for _ in range(3):
        with pytest.raises(Outage):
            await calls.run(live, forever(asyncio.Event()), deadline_s=0.002)
