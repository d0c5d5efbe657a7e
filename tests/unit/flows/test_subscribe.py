"""What a subscription's filter may ask for."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.catalog import Era
from remit.core.errors import Invalid
from remit.core.reasons import Reason
from remit.core.request import Endpoint, McpRequest
from remit.core.secret import Secret
from remit.flows.listing import Listing
from remit.flows.subscribe import URIS_MAX, Subscribe
from tests.scenes.mcp import URL, McpScene

TO_FILES = Endpoint("files", f"{URL}/mcp/files")


async def narrowed(scene: McpScene, uris: Any) -> McpRequest:
    authenticated = scene.walk.authenticate(Secret(scene.token("files")), TO_FILES)
    params = {"notifications": {"resourceSubscriptions": uris}}
    request = McpRequest(b"1", "subscriptions/listen", params, Era.MODERN, "2026-07-28", TO_FILES)
    return await Subscribe(Listing(scene.walk, scene.sealer), scene.changes).narrowed(authenticated, request)


@pytest.mark.parametrize("uris", [["file:///readme"] * (URIS_MAX + 1), "file:///readme", ["file:///readme", 1], None])
async def test_what_is_no_short_list_of_uris_is_refused_before_anything_is_decided(uris: Any) -> None:
    scene = McpScene()
    with pytest.raises(Invalid) as caught:
        await narrowed(scene, uris)
    assert caught.value.reason is Reason.INVALID_PARAMS
    assert scene.policy.asked == []


@pytest.mark.parametrize("uris", [[], ["file:///readme"], ["file:///readme"] * URIS_MAX])
async def test_as_many_uris_as_may_be_asked_for_are_each_decided(uris: list[str]) -> None:
    scene = McpScene()
    request = await narrowed(scene, uris)
    assert request.params["notifications"] == {"resourceSubscriptions": uris}
    assert len(scene.policy.asked) == len(uris)
