"""A grant that its person ended stays ended, whatever broke while it was made and however often Remit starts anew."""

from __future__ import annotations

import pytest

from remit.flows.oauth_error import OAuthError
from remit.flows.own_grants import OwnGrants
from tests.scenes.endpoints import Endpoints
from tests.unit.flows.test_authorize_device import TV, allowed, begun, polled


@pytest.mark.parametrize("ends", [True, False])
async def test_a_grant_ended_while_its_code_could_not_be_used_up_is_not_made_again_after_a_restart(ends: bool) -> None:
    scene = Endpoints()
    scene.register(TV)
    device = await begun(scene)
    await allowed(scene, device)
    scene.store.refused = {"code"}
    with pytest.raises(OAuthError, match="temporarily_unavailable"):
        await polled(scene, device)
    scene.store.refused = set()
    own = OwnGrants(scene.grants, scene.ending, scene.authorize, scene.clock)
    (live,) = own.of(scene.session)
    if ends:
        assert await own.end(scene.session, live.grant.id)
        await scene.authorize.sweep()
    after = await scene.restarted()
    if not ends:
        assert (await polled(after, device)).token
        return
    with pytest.raises(OAuthError, match="invalid_grant"):
        await polled(after, device)
    assert OwnGrants(after.grants, after.ending, after.authorize, after.clock).of(after.session) == []
