"""A device keeps asking while its person's yes is being written down: it is told to wait, not that it is over, and what
it gets once it gets only once.
"""

from __future__ import annotations

import asyncio

import pytest

from remit.core.authorization_code import KeptCode
from remit.core.grantbook import Selector
from remit.core.pushed_request import REQUEST_BYTES_MAX
from remit.core.rows import from_row
from remit.flows.codes import CODE
from remit.flows.oauth_error import OAuthError
from tests.scenes.endpoints import BROWSER, PEER, Endpoints
from tests.unit.flows.test_authorize_device import TV, YES, begun, polled, told, typed


@pytest.fixture
def scene() -> Endpoints:
    scene = Endpoints()
    scene.register(TV)
    return scene


def stored_codes(scene: Endpoints) -> list[KeptCode]:
    return [from_row(row.content, KeptCode) for (kind, _), row in scene.store.kept.items() if kind == CODE]


@pytest.mark.parametrize("moment", [1, 2])
async def test_a_device_that_asks_while_the_yes_is_written_down_waits_and_then_gets_its_token_once(
    scene: Endpoints, moment: int
) -> None:
    device = await begun(scene)
    agreeing = asyncio.create_task(scene.authorize.agree(typed(scene, device), scene.session, YES))
    for _ in range(moment):
        await asyncio.sleep(0)
    assert not agreeing.done()
    assert await told(scene, device) == "authorization_pending"
    await agreeing
    assert (await polled(scene, device)).token
    assert [kept.used for kept in stored_codes(scene)] == [True]
    with pytest.raises(OAuthError, match="used before"):
        await polled(await scene.restarted(), device)


async def test_what_was_voided_while_it_was_written_down_is_void_after_a_crash_too(scene: Endpoints) -> None:
    device = await begun(scene)
    agreeing = asyncio.create_task(scene.authorize.agree(typed(scene, device), scene.session, YES))
    await asyncio.sleep(0)
    scene.authorize.void(Selector(client="tv"), frozenset({"acme"}))
    await scene.authorize.sweep()
    await agreeing
    await scene.authorize.sweep()
    assert [kept.used for kept in stored_codes(scene)] == [True]


async def test_a_device_asks_for_no_more_than_fits_the_link_its_person_follows(scene: Endpoints) -> None:
    """And takes no more memory: anybody may ask in the name of a public client."""
    with pytest.raises(OAuthError) as caught:
        await begun(scene, unknown="x" * REQUEST_BYTES_MAX)
    assert (caught.value.status, list(scene.devices.unproven())) == (413, [])
    device = await begun(scene, unknown="x" * (REQUEST_BYTES_MAX - 1000))
    assert len(scene.device.typed(device.user_code, scene.session, BROWSER, peer=PEER)) < REQUEST_BYTES_MAX * 1.5
