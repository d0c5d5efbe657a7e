"""One client that proves itself as often as it can leaves room for every other, and gets a busy server's limit only if
it answers for a server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.errors import Outage
from remit.core.secret import Secret
from remit.flows.oauth_error import OAuthError
from tests.attack.test_tokens_client_assertions import KEYS, Scene
from tests.scenes.authority import RESOURCE
from tests.scenes.endpoints import WEB, Endpoints, form


def verify(scene: Scene, client: str, **changes: Any) -> None:
    assertion = scene.assertion(iss=client, sub=client, **changes)
    scene.assertions.verify(Secret(assertion), client, KEYS)


def test_a_client_that_fills_the_room_for_used_assertions_shuts_out_nobody_but_itself() -> None:
    scene = Scene(used_max=6)
    for _ in range(6):
        verify(scene, "flood", exp=int(scene.clock.now_s()) + 300)
    for _ in range(3):  # an equal share of the room
        verify(scene, "honest")
        with pytest.raises(Outage):
            verify(scene, "flood")
    with pytest.raises(Outage):
        verify(scene, "honest")
    scene.clock.advance(61)
    verify(scene, "honest")
    with pytest.raises(Outage):
        verify(scene, "flood")
    scene.clock.advance(240)
    verify(scene, "flood")


async def test_only_who_answers_for_a_server_may_ask_about_tokens_as_often_as_one_is_called() -> None:
    scene = Endpoints()
    answers: list[int] = []
    for _ in range(61):
        with pytest.raises(OAuthError) as caught:
            await scene.introspect.introspect(form(basic="web", token="x"), signed=False)
        answers.append(caught.value.status)
    assert answers == [403] * 60 + [429]
    scene = Endpoints()
    scene.register(replace(WEB, introspects=frozenset({RESOURCE})))
    for _ in range(200):
        found = await scene.introspect.introspect(form(basic="web", token="x"), signed=False)
        assert found.answer == {"active": False}
