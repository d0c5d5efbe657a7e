"""What a refusal looks like: denial, challenge, invalid message and outage, each told apart by its client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.errors import refuse
from remit.core.grant import GrantEvent
from remit.core.ledger import RecordKind
from remit.core.meanings import MEANING
from remit.core.reasons import Kind, Reason
from remit.core.scope import OneTool, WholeServer
from remit.surfaces.mcp.visit import Visit
from tests.scenes.mcp import FILES, URL, McpScene, catalog, greet, modern_request
from tests.scenes.responder import FakeResponder

CALL: dict[str, Any] = {"name": "read_file", "arguments": {"path": "/a"}}
DECISION = "io.remit/decision"


async def test_a_denied_call_is_a_result_that_a_model_can_read_and_a_record_that_explain_can_find() -> None:
    scene = McpScene()
    scene.policy.forbid("files/read_file")
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    result = answer.json["result"]
    assert (answer.status, result["isError"], result["resultType"]) == (200, True, "complete")
    decision = result["structuredContent"][DECISION]
    assert decision == result["_meta"][DECISION]
    assert decision.keys() == {"decision_id", "reason", "policy", "near_miss", "next", "url"}
    assert (decision["reason"], decision["policy"]) == ("policy_forbid", ["test-forbid (test.cedar:2)"])
    assert decision["decision_id"] in result["content"][0]["text"]
    assert scene.ledger.of_kind(RecordKind.DENIAL)[-1]["id"] == decision["decision_id"]
    assert scene.upstreams.arrived == []


async def test_a_near_miss_is_named() -> None:
    scene = McpScene()
    scene.policy.permit("files/read_file", lambda arguments: arguments.get("path") == "/b")
    denied = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    near = denied.json["result"]["structuredContent"][DECISION]["near_miss"]
    assert near == {"policy": "test-permit (test.cedar:1)", "failed": ["the condition of the test"]}
    other = CALL | {"arguments": {"path": "/b"}}
    permitted = await scene.modern("/mcp/files", scene.token("files"), "tools/call", other)
    assert "isError" not in permitted.json["result"]


async def test_a_denied_call_of_a_legacy_session_has_no_modern_member() -> None:
    scene = McpScene()
    greet(scene)
    token = scene.token("files")
    session = await scene.open_session("/mcp/files", token)
    scene.policy.forbid("files/read_file")
    answer = await scene.legacy("/mcp/files", token, session, "tools/call", CALL)
    assert (answer.status, answer.json["result"]["isError"]) == (200, True)
    assert "resultType" not in answer.json["result"]


async def test_any_other_denied_method_is_an_error_with_the_decision_in_it() -> None:
    scene = McpScene()
    scene.policy.forbid("resources/read")
    answer = await scene.modern("/mcp/files", scene.token("files"), "resources/read", {"uri": "file:///readme"})
    assert answer.json["error"]["data"][DECISION]["reason"] == "policy_forbid"


@pytest.mark.parametrize(
    ("method", "name", "text"),
    [("tools/call", "nope", "Unknown tool: nope"), ("prompts/get", "x", "Unknown prompt: x")],
)
async def test_a_name_nobody_has_is_answered_as_servers_answer_it(method: str, name: str, text: str) -> None:
    scene = McpScene()
    for path in ("/mcp/files", "/mcp"):
        token = scene.token(path.removeprefix("/mcp").removeprefix("/"))
        answer = await scene.modern(path, token, method, {"name": name})
        assert (answer.status, answer.json["error"]["code"], answer.json["error"]["message"]) == (400, -32602, text)


# OAuth ------------------------------------------------------------------------------------------------------------
def challenge(answer: FakeResponder) -> str:
    return answer.headers[b"www-authenticate"].decode()


async def test_without_a_token_the_challenge_says_where_to_get_one_and_names_no_error() -> None:
    """RFC 6750 section 3.1, RFC 9728 section 5.1."""
    scene = McpScene()
    body, headers = modern_request(b"", "tools/call", CALL)
    answer = await scene.send("/mcp/files", body, headers | {b"authorization": None})
    metadata = f"{URL}/.well-known/oauth-protected-resource/mcp/files"
    assert answer.status == 401
    assert challenge(answer) == f'Bearer scope="files", resource_metadata="{metadata}"'
    assert scene.ledger.refusals[Reason.TOKEN_MISSING] == 1


async def test_a_bad_token_is_invalid_token_and_a_malformed_header_is_invalid_request() -> None:
    scene = McpScene()
    bad = await scene.modern("/mcp", b"Bearer nonsense", "tools/list")
    assert (bad.status, 'error="invalid_token"' in challenge(bad)) == (401, True)
    malformed = await scene.modern("/mcp", b"Basic YTpi", "tools/list")
    assert (malformed.status, 'error="invalid_request"' in challenge(malformed)) == (400, True)


async def test_two_authorization_headers_are_malformed_whichever_is_good() -> None:
    scene = McpScene()
    token = scene.token()
    body, headers = modern_request(token, "tools/list")
    http = scene.http("/mcp", body, headers)
    http.headers.append((b"authorization", token))
    answer = FakeResponder()
    await scene.endpoint(http, answer)
    assert answer.status == 400
    assert scene.ledger.refusals[Reason.TOKEN_MALFORMED] == 1


async def test_a_token_of_another_endpoint_is_refused_here() -> None:
    scene = McpScene()
    token = scene.token("git")
    refused = await scene.modern("/mcp/files", token, "tools/list")
    assert (refused.status, refused.json["error"]["data"]["reason"]) == (401, "token_audience")
    assert (await scene.modern("/mcp/git", token, "tools/list")).status == 200


async def test_a_token_in_the_query_is_no_token() -> None:
    scene = McpScene()
    token = scene.token("files")
    body, headers = modern_request(token, "tools/list")
    http = scene.http("/mcp/files", body, headers | {b"authorization": None})
    http.query = b"access_token=" + token.removeprefix(b"Bearer ")
    answer = FakeResponder()
    await scene.endpoint(http, answer)
    assert answer.status == 401


async def test_the_token_is_looked_at_before_the_body() -> None:
    scene = McpScene()
    _, headers = modern_request(b"Bearer nonsense", "tools/call", CALL)
    assert (await scene.send("/mcp/files", b"not json", headers)).status == 401
    _, headers = modern_request(scene.token("files"), "tools/call", CALL)
    assert (await scene.send("/mcp/files", b"not json", headers)).status == 400


async def test_past_authentication_nothing_holds_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = McpScene()
    seen: list[Visit] = []
    serve = scene.endpoint._modern.serve

    async def watch(visit: Visit) -> None:
        seen.append(visit)
        await serve(visit)

    monkeypatch.setattr(scene.endpoint._modern, "serve", watch)
    token = scene.token("files")
    assert (await scene.modern("/mcp/files", token, "tools/call", CALL)).status == 200
    fields = seen[0].fields
    assert b"authorization" not in fields
    assert token.removeprefix(b"Bearer ") not in repr(dict(fields)).encode()


async def test_an_ended_grant_is_invalid_token() -> None:
    scene = McpScene()
    token = scene.token("files")
    live = scene.grants.find("grant-0")
    assert live is not None
    assert (await scene.modern("/mcp/files", token, "tools/call", CALL)).status == 200
    live.apply(GrantEvent.REVOKE)
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert (answer.status, answer.json["error"]["data"]["reason"]) == (401, "grant_ended")
    assert 'error="invalid_token"' in challenge(answer)


async def test_what_policy_would_permit_but_the_grant_does_not_cover_is_a_step_up_with_the_union_of_scopes() -> None:
    """Checklist items 7 and 10; RFC 6750 section 3.1 insufficient_scope."""
    scene = McpScene()
    token = scene.token("files", scopes=frozenset({OneTool("files", "search"), WholeServer("git")}))
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in challenge(answer)
    assert 'scope="files:read_file files:search git"' in challenge(answer)
    assert "resource_metadata=" in challenge(answer)
    assert scene.ledger.of_kind(RecordKind.DENIAL)[-1]["reason"] == "insufficient_scope"
    assert scene.ledger.of_kind(RecordKind.INTENT) == []
    wider = scene.token("files", scopes=frozenset({OneTool("files", "search"), OneTool("files", "read_file")}))
    assert (await scene.modern("/mcp/files", wider, "tools/call", CALL)).status == 200


async def test_what_policy_would_not_permit_either_is_a_denial_and_no_step_up() -> None:
    scene = McpScene()
    token = scene.token("files", scopes=frozenset({OneTool("files", "search")}))
    answer = await scene.modern("/mcp/files", token, "tools/call", {"name": "delete_file", "arguments": {}})
    assert (answer.status, answer.json["result"]["structuredContent"][DECISION]["reason"]) == (200, "outside_grant")
    assert b"www-authenticate" not in answer.headers


# outages ----------------------------------------------------------------------------------------------------------
async def test_an_outage_reads_like_an_outage() -> None:
    scene = McpScene()
    scene.credentials.refusal = refuse(Reason.CREDENTIAL_UNAVAILABLE)
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert (answer.status, "result" in answer.json) == (502, False)
    outage = answer.json["error"]["data"]["io.remit/outage"]
    assert (outage["reason"], outage["decision_id"]) == (
        "credential_unavailable",
        scene.ledger.of_kind(RecordKind.INTENT)[-1]["id"],
    )
    assert DECISION not in answer.json["error"]["data"]


async def test_a_ledger_that_cannot_be_written_is_an_outage_and_nothing_runs() -> None:
    scene = McpScene()
    token = scene.token("files")
    scene.ledger.fail_writes()
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert (answer.status, answer.json["error"]["data"]["io.remit/outage"]["reason"]) == (503, "ledger_unavailable")
    assert scene.upstreams.arrived == []


async def test_a_server_that_has_never_answered_is_an_outage() -> None:
    scene = McpScene(catalog=catalog(replace(FILES, eras=frozenset(), versions={}, discovery={})))
    answer = await scene.modern("/mcp/files", scene.token("files"), "server/discover")
    assert (answer.status, answer.json["error"]["data"]["io.remit/outage"]["reason"]) == (502, "upstream_unreachable")


async def test_an_upstream_s_own_401_does_not_start_a_sign_in() -> None:
    from remit.core.ledger import OutcomeStatus
    from remit.testing.upstream import replies

    scene = McpScene()
    value = b'{"code":-32600,"message":"unauthorized"}'
    scene.upstreams.answers["files", "tools/call"] = replies(
        value, member="error", status=OutcomeStatus.TOOL_ERROR, http_status=401
    )
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert (answer.status, b"www-authenticate" in answer.headers) == (502, False)


def test_denials_and_outages_share_no_text() -> None:
    denials = {meaning.text for meaning in MEANING.values() if meaning.kind is Kind.DENIED}
    assert denials.isdisjoint(meaning.text for meaning in MEANING.values() if meaning.kind is Kind.OUTAGE)


# bad input --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"{", -32700, Reason.MALFORMED_JSON),
        (b"[]", -32600, Reason.BATCH_REFUSED),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}', -32600, Reason.DUPLICATE_KEY),
        (b'{"jsonrpc":"2.0","id":1,"Method":"tools/list"}', -32600, Reason.ODD_CASE_KEY),
        (b'{"jsonrpc":"2.0","id":1e400,"method":"tools/list"}', -32700, Reason.MALFORMED_JSON),
        (b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"tools/list"}', -32600, Reason.NUMBER_OUT_OF_RANGE),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32600, Reason.INVALID_MESSAGE),
    ],
)
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_message_that_readers_could_read_differently_is_refused_and_counted(
    era: str, body: bytes, code: int, reason: Reason
) -> None:
    scene = McpScene()
    token = scene.token("files")
    headers: dict[bytes, bytes | None] = {b"authorization": token}
    if era == "modern":
        headers |= {b"mcp-protocol-version": b"2026-07-28", b"mcp-method": b"tools/list"}
    answer = await scene.send("/mcp/files", body, headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, code)
    assert answer.json["id"] == (1 if reason is Reason.ODD_CASE_KEY else None)  # where the id itself is beyond doubt
    assert scene.ledger.refusals == {reason: 1}
    assert scene.upstreams.arrived == []


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        (b"content-type", b"text/plain", 415),
        (b"content-type", None, 415),
        (b"accept", b"application/json", 406),
        (b"accept", None, 406),
    ],
)
async def test_a_wrong_content_type_or_accept_is_refused(header: bytes, value: bytes | None, status: int) -> None:
    scene = McpScene()
    token = scene.token("files")
    assert (await scene.modern("/mcp/files", token, "tools/list", headers={header: value})).status == status
    assert (await scene.modern("/mcp/files", token, "tools/list")).status == 200


@pytest.mark.parametrize(
    "path", ["/mcp/", "/mcp/Files", "/mcp/files/", "/mcp/a/b", "/mcp/%66iles", "/mcp/..", "/mcpx", "/mcp/files\x00"]
)
async def test_a_path_is_matched_as_it_came(path: str) -> None:
    scene = McpScene()
    assert (await scene.modern(path, scene.token("files"), "tools/list")).status == 404


@pytest.mark.parametrize("arguments", [[], "x", None, 1])
async def test_arguments_that_are_no_object_are_refused(arguments: object) -> None:
    scene = McpScene()
    token = scene.token("files")
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL | {"arguments": arguments})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert (await scene.modern("/mcp/files", token, "tools/call", {"name": "read_file"})).status == 200
