"""A no and a consent taken back are on disk before anybody is told; what the ledger does not take is not said."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.consent import ConsentState
from remit.core.errors import Outage
from remit.core.ledger import RecordKind
from remit.flows.answer_error import AnswerError
from remit.flows.pending import Pending
from tests.scenes.endpoints import ASKED, BROWSER, Endpoints


@pytest.fixture
def scene() -> Endpoints:
    return Endpoints()


def pending(scene: Endpoints) -> Pending:
    return scene.authorize.opened(scene.authorize.begin(ASKED, BROWSER), BROWSER)


async def settled(task: asyncio.Task[object]) -> bool:
    """Whether it ends while the disk is held still."""
    for _ in range(20):
        await asyncio.sleep(0)
    return task.done()


async def test_a_no_is_told_once_it_is_durable(scene: Endpoints) -> None:
    scene.ledger.hold_sync()
    telling = asyncio.create_task(scene.authorize.decline(pending(scene), scene.session))
    assert not await settled(telling)
    scene.ledger.release_sync()
    assert "error=access_denied" in await telling
    (record,) = scene.ledger.of_kind(RecordKind.CONSENT)
    assert (record["event"], record["account"], record["client"]) == ("declined", "engineer", "desktop")


async def test_a_consent_taken_back_is_told_once_it_is_durable_and_holds_before(scene: Endpoints) -> None:
    code = await scene.code()
    (consent,) = scene.authorize.consents.known
    scene.ledger.hold_sync()
    telling = asyncio.create_task(scene.authorize.take_back(consent))
    assert not await settled(telling)
    assert scene.authorize.consents.known[consent].state is ConsentState.REVOKED
    scene.ledger.release_sync()
    await telling
    events = [record["event"] for record in scene.ledger.of_kind(RecordKind.CONSENT)]
    assert events == ["given", "taken_back"]
    with pytest.raises(Exception, match="taken back"):
        await scene.exchanged(code)


async def test_a_no_that_cannot_be_recorded_is_an_outage(scene: Endpoints) -> None:
    asked = pending(scene)
    scene.ledger.fail_writes()
    with pytest.raises(Outage):
        await scene.authorize.decline(asked, scene.session)
    with pytest.raises(AnswerError):
        scene.authorize.begin(ASKED | {"response_type": "token"}, BROWSER)
