from __future__ import annotations

import asyncio
import logging

import pytest

from remit.app.serve import _tell_of_bug
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.flows.oauth_error import OAuthError


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (refuse(Reason.SIGN_IN_FAILED), 0),
        (OAuthError("invalid_grant", "used"), 0),
        (None, 0),
        (ZeroDivisionError(), 1),
    ],
)
async def test_of_work_nobody_waits_for_a_bug_is_told_and_a_refusal_is_not(
    problem: Exception | None, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if problem is None:
        done.cancel()
    else:
        done.set_exception(problem)
    with caplog.at_level(logging.ERROR):
        _tell_of_bug(done)
    assert [record.message for record in caplog.records] == ["page_failed"] * told
