"""Asking whether a wider grant would help gives nobody a wider grant."""

from __future__ import annotations

import pytest

from remit.core.access import AccessRequest, Target, TargetKind, conclude, require_consent, resolve
from remit.core.catalog import Era, ItemKind
from remit.core.errors import Refusal
from remit.core.grant import GrantState
from remit.core.request import Endpoint, McpRequest
from remit.core.scope import OneTool, WholeServer, covers
from remit.core.secret import Secret
from remit.core.step_up import missing_scope, scope_union, unverified_widened
from tests.scenes.mcp import FILES, URL, McpScene


def test_the_missing_scope_is_the_least_that_covers_the_target() -> None:
    assert missing_scope(FILES, Target(TargetKind.TOOL, "read_file")) == OneTool("files", "read_file")
    assert missing_scope(FILES, Target(TargetKind.PROMPT, "summarise")) == WholeServer("files")


async def test_nothing_runs_with_the_widened_grant() -> None:
    """INVARIANT of step_up: what it builds has already ended."""
    scene = McpScene()
    token = scene.token("files", scopes=frozenset({OneTool("files", "search")}))
    authenticated = scene.walk.authenticate(Secret(token), Endpoint("files", f"{URL}/mcp/files"))
    consented = require_consent(scene.walk.bind(authenticated))
    widened = unverified_widened(consented, OneTool("files", "read_file"))
    assert covers(widened.bound.grant.scopes, "files", "read_file")
    assert not covers(consented.bound.grant.scopes, "files", "read_file")
    assert widened.bound.live.state is GrantState.FINISHED
    assert scene.grants.find("grant-0") is consented.bound.live
    assert scope_union(consented.bound.grant, OneTool("files", "read_file")) == "files:read_file files:search"


async def test_a_permitted_question_cannot_be_recorded_as_an_intent() -> None:
    scene = McpScene()
    endpoint = Endpoint("files", f"{URL}/mcp/files")
    token = scene.token("files", scopes=frozenset({OneTool("files", "search")}))
    consented = require_consent(scene.walk.bind(scene.walk.authenticate(Secret(token), endpoint)))
    request = McpRequest(
        id=b"1", method="tools/call", params={}, era=Era.MODERN, version="2026-07-28", endpoint=endpoint
    )
    target, item = Target(TargetKind.TOOL, "read_file"), FILES.items[ItemKind.TOOL, "read_file"]
    widened = unverified_widened(consented, OneTool("files", "read_file"))
    access = AccessRequest(resolve(widened, request, FILES, target, item), "files/read_file", {}, 0.0)
    permitted = conclude(access, await scene.policy.evaluate(access))
    with pytest.raises(Refusal, match="ended"):
        scene.walk.record_intent(permitted)
