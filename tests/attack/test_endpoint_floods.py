"""A flood at what clients reach by themselves: whoever sends it is told to wait, nobody else is, it takes no memory,
no disk and no line of the ledger, however many names and addresses it comes under.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from remit.core.attempts import Attempts
from remit.core.ledger import RecordKind
from remit.flows.client_authentication import ClientRequest
from remit.flows.oauth_error import OAuthError
from remit.flows.token import DEVICE_CODE
from tests.scenes.authority import RESOURCE
from tests.scenes.endpoints import ASKED, DESKTOP, ELSEWHERE, PEER, Endpoints, form

Door = Callable[[Endpoints, ClientRequest], Awaitable[object]]
DOORS: dict[str, tuple[Door, dict[str, str]]] = {
    "/token": (lambda scene, request: scene.issue.issue(request), {"grant_type": DEVICE_CODE, "device_code": "x"}),
    "/revoke": (lambda scene, request: scene.issue.revoke(request), {"token": "x"}),
    "/par": (lambda scene, request: scene.push.push(request), ASKED | {"scope": "*"}),
    "/introspect": (lambda scene, request: scene.introspect.introspect(request, signed=False), {"token": "x"}),
    "/device_authorization": (lambda scene, request: scene.device.begin(request), {"resource": RESOURCE, "scope": "*"}),
}
NAMES_MAX = 100


@pytest.fixture
def scene() -> Endpoints:
    scene = Endpoints()
    scene.register(replace(DESKTOP, device=True))
    return scene


async def tried(
    scene: Endpoints, path: str, *, peer: str, client: str = "desktop", basic: str = ""
) -> OAuthError | None:
    door, parameters = DOORS[path]
    sent = parameters | ({"client_id": ""} if basic else {"client_id": client})
    try:
        await door(scene, form(basic=basic, peer=peer, **sent))
    except OAuthError as error:
        return error
    return None


@pytest.mark.parametrize("path", DOORS)
async def test_a_flood_from_one_place_is_told_to_wait_and_others_are_not(scene: Endpoints, path: str) -> None:
    answers = [await tried(scene, path, peer=PEER) for _ in range(300)]
    assert answers[0] is None or answers[0].status in (400, 401)
    assert answers[-1] is not None
    assert (answers[-1].status, answers[-1].wait_s > 0) == (429, True)
    elsewhere = await tried(scene, path, peer=ELSEWHERE)
    assert elsewhere is None or elsewhere.status in (400, 401)
    assert scene.ledger.of_kind(RecordKind.DENIAL) == []
    assert scene.store.kept == {}


@pytest.mark.parametrize("path", DOORS)
async def test_a_flood_under_many_names_from_many_places_stays_within_bounds(scene: Endpoints, path: str) -> None:
    tables = small_tables(scene)
    for number in range(3 * NAMES_MAX):
        await tried(scene, path, peer=f"10.0.{number // 250}.{number % 250}", client=f"client-{number}")
        await tried(scene, path, peer=f"10.1.{number // 250}.{number % 250}")
        await tried(scene, path, peer=f"10.2.{number // 250}.{number % 250}", basic=f"made-up-{number}")
    assert max(len(table._buckets) for table in tables) <= NAMES_MAX
    assert len(scene.authorize.devices._kept) <= NAMES_MAX
    assert scene.ledger.records == []


async def test_one_place_has_one_limit_for_all_doors_together(scene: Endpoints) -> None:
    for _ in range(300):
        await tried(scene, "/token", peer=PEER, client="made-up")
    for path in DOORS:
        error = await tried(scene, path, peer=PEER)
        assert error is not None
        assert error.status == 429
        other = await tried(scene, path, peer=ELSEWHERE)
        assert other is None or other.status != 429


def small_tables(scene: Endpoints) -> list[Attempts]:
    """Every table of attempts there is behind the doors, made small, so that the test need not send millions."""
    tables = []
    for flow in (scene.door, scene.push, scene.introspect, scene.device):
        for name in ("peers", "failures", "requests", "questions", "asking", "persons", "everybody"):
            if hasattr(flow, name):
                setattr(flow, name, Attempts(burst=100, per_minute=60, names_max=NAMES_MAX))
                tables.append(getattr(flow, name))
    return tables
