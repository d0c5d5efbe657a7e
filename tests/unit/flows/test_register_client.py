"""Clients that register themselves: at listed places, few of them, and forgotten when nobody agreed to one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.client_registration import RegistrationError
from remit.core.clients import ClientBook
from remit.core.errors import Outage
from remit.core.secret import Secret
from remit.flows.oauth_error import OAuthError
from remit.flows.register_client import UNUSED_S, RegisterClient, RegistrationRules
from tests.scenes.authority import CLIENTS, Scene

RULES = RegistrationRules("acme", frozenset({"127.0.0.1"}), clients_max=3)
GUARDED = replace(RULES, initial_token=Secret(b"an initial access token"))


class Registering:
    def __init__(self, rules: RegistrationRules | None = RULES) -> None:
        self.scene = Scene()
        self.used: set[str] = set()
        self.flow = self.started(rules)

    def started(self, rules: RegistrationRules | None) -> RegisterClient:
        scene = self.scene
        book = ClientBook(CLIENTS)
        return RegisterClient(
            rules, book, self.used.__contains__, scene.store, scene.ledger, scene.clock, scene.entropy
        )

    async def register(self, name: str = "Sketchpad", *, token: bytes = b"", peer: str = "p", **more: Any) -> str:
        asked = {"client_name": name, "redirect_uris": ["http://127.0.0.1/cb"]} | more
        answer = await self.flow.register(asked, Secret(token) if token else None, peer=peer)
        return str(answer["client_id"])


async def refused(work: Any) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        await work
    return caught.value


async def test_a_client_registers_and_is_in_the_book() -> None:
    scene = Registering()
    id = await scene.register()
    assert scene.flow.book[id].tenants == {"acme"}
    assert scene.flow.book[id].self_registered
    assert scene.scene.ledger.records[-1]["event"] == "registered"


async def test_where_it_is_off_nobody_registers() -> None:
    assert (await refused(Registering(None).register())).status == 404
    assert await Registering().register()


async def test_who_registers_at_every_start_is_one_client() -> None:
    scene = Registering()
    assert len({await scene.register() for _ in range(9)}) == 1
    assert len(await scene.scene.store.rows("registration")) == 1


@pytest.mark.parametrize("token", [b"", b"another initial access token", b"an initial access toke"])
async def test_an_initial_token_is_asked_for_where_one_is_configured(token: bytes) -> None:
    scene = Registering(GUARDED)
    error = await refused(scene.register(token=token))
    assert (error.status, error.error) == (401, "invalid_token")
    assert await scene.register(token=b"an initial access token")


async def test_another_place_is_not_registered() -> None:
    scene = Registering()
    with pytest.raises(RegistrationError):
        await scene.register(redirect_uris=["https://evil.example/cb"])
    assert await scene.register()


async def test_no_more_than_may_are_registered_until_some_are_forgotten() -> None:
    scene = Registering()
    ids = [await scene.register(str(number)) for number in range(3)]
    assert (await refused(scene.register("one more"))).status == 503
    assert await scene.register("1") == ids[1]
    scene.used.add(ids[0])
    scene.scene.clock.advance(UNUSED_S)
    await scene.flow.sweep()
    assert ids[0] in scene.flow.book
    assert ids[1] not in scene.flow.book
    assert await scene.register("one more")


@pytest.mark.parametrize("peers", [["p"] * 11, [str(number) for number in range(61)]])
async def test_a_flood_is_told_to_wait(peers: list[str]) -> None:
    scene = Registering()
    for peer in peers[:-1]:
        await scene.register(peer=peer)
    error = await refused(scene.register(peer=peers[-1]))
    assert (error.status, error.wait_s > 0) == (429, True)
    scene.scene.clock.advance(60)
    assert await scene.register(peer=peers[-1])


async def test_what_could_not_be_kept_is_not_there() -> None:
    scene = Registering()
    scene.scene.store.unavailable = True
    with pytest.raises(Outage):
        await scene.register()
    assert not [id for id in scene.flow.book if id.startswith("dcr_")]
    scene.scene.store.unavailable = False
    assert await scene.register() in scene.flow.book


async def test_it_is_there_after_a_restart_unless_its_place_is_no_longer_listed() -> None:
    scene = Registering()
    id = await scene.register()
    for rules, there in (
        (RULES, True), (None, False), (replace(RULES, hosts=frozenset({"localhost"})), False), (RULES, True),
    ):  # fmt: skip
        flow = scene.started(rules)
        await flow.load()
        assert (id in flow.book) is there
