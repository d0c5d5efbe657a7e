"""The walk with a fault at every stage: nothing later runs, what began is recorded, every lease goes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from remit.core.catalog import Era, ItemKind, Tool
from remit.core.errors import Refusal, refuse
from remit.core.grant import Calls, GrantEvent
from remit.core.ledger import OutcomeStatus, RecordKind
from remit.core.principals import Authenticated
from remit.core.reasons import Reason
from remit.core.request import Endpoint, McpRequest
from remit.core.scope import OneTool
from remit.core.secret import Secret
from remit.flows.tool_call import Durability
from remit.ports.upstream import Message, Reply
from remit.testing.upstream import Arrived
from tests.scenes.mcp import FILES, URL, McpScene, item, with_items

TO_FILES = Endpoint("files", f"{URL}/mcp/files")


class Collected:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def interim(self, message: Message) -> None:
        self.messages.append(message.data)


def asking(name: str = "read_file", **arguments: Any) -> McpRequest:
    params = {"name": name, "arguments": arguments}
    return McpRequest(b"1", "tools/call", params, Era.MODERN, "2026-07-28", TO_FILES)


def signed_in(scene: McpScene) -> Authenticated:
    return scene.walk.authenticate(Secret(scene.token("files")), TO_FILES)


def kinds(scene: McpScene) -> list[str]:
    return [record["kind"] for record in scene.ledger.records]


async def refused(scene: McpScene, request: McpRequest | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await scene.walk.call(signed_in(scene), request or asking(), Collected())
    return caught.value


async def test_a_call_writes_its_intent_then_runs_then_writes_its_outcome() -> None:
    scene = McpScene()
    seen: list[list[str]] = []

    async def answer(arrived: Arrived, sink: Any) -> Reply:
        seen.append(kinds(scene))
        return Reply("result", b"{}", OutcomeStatus.OK)

    scene.upstreams.answers["files", "tools/call"] = answer
    reply = await scene.walk.call(signed_in(scene), asking(path="/a"), Collected())
    assert reply.value == b"{}"
    assert seen == [["intent"]]
    assert kinds(scene) == ["intent", "outcome"]
    assert scene.credentials.released == scene.credentials.lent
    intent, outcome = scene.ledger.records
    assert intent["id"] == outcome["id"]
    assert "args_digest" in intent
    assert "/a" not in str(intent)


@pytest.mark.parametrize(
    ("fault", "reason", "left_behind"),
    [
        ("grant", Reason.GRANT_ENDED, ["denial"]),
        ("target", Reason.TOOL_UNKNOWN, ["denial"]),
        ("arguments", Reason.ARGS_RESERVED_KEY, ["denial"]),
        ("policy", Reason.POLICY_NO_PERMIT, ["denial"]),
        ("engine", Reason.POLICY_ERROR, ["denial"]),
        ("ledger", Reason.LEDGER_UNAVAILABLE, []),
        ("credential", Reason.CREDENTIAL_UNAVAILABLE, ["intent", "outcome"]),
    ],
)
async def test_a_fault_before_dispatch_means_that_nothing_reaches_the_server(
    fault: str, reason: Reason, left_behind: list[str]
) -> None:
    scene = McpScene()
    authenticated, request = signed_in(scene), asking(path="/a")
    match fault:
        case "grant":
            next(iter(scene.grants)).apply(GrantEvent.REVOKE)
        case "target":
            request = asking("no_such_tool")
        case "arguments":
            request = asking(path={"__entity": {"type": "Role", "id": "admin"}})
        case "policy":
            request = asking("delete_file")
        case "engine":
            scene.policy.fail("files/read_file")
        case "ledger":
            scene.ledger.fail_writes()
        case "credential":
            scene.credentials.refusal = refuse(Reason.CREDENTIAL_UNAVAILABLE)
    with pytest.raises(Refusal) as caught:
        await scene.walk.call(authenticated, request, Collected())
    assert caught.value.reason is reason
    assert scene.upstreams.arrived == []
    assert scene.credentials.released == scene.credentials.lent
    assert kinds(scene) == left_behind


async def test_the_twin_of_every_fault_reaches_the_server() -> None:
    scene = McpScene()
    await scene.walk.call(signed_in(scene), asking(path="/a"), Collected())
    assert len(scene.upstreams.arrived) == 1


async def test_a_failing_server_leaves_an_outcome_that_says_so_and_its_lease_back() -> None:
    scene = McpScene()

    async def fail(arrived: Arrived, sink: Any) -> Reply:
        raise refuse(Reason.UPSTREAM_UNREACHABLE)

    scene.upstreams.answers["files", "tools/call"] = fail
    refusal = await refused(scene)
    assert refusal.decision_id == scene.ledger.of_kind(RecordKind.INTENT)[0]["id"]
    (outcome,) = scene.ledger.of_kind(RecordKind.OUTCOME)
    assert (outcome["status"], outcome["reason"]) == ("failed", "upstream_unreachable")
    assert scene.credentials.released == scene.credentials.lent


async def test_a_bug_is_recorded_as_failed_and_never_as_cancelled() -> None:
    scene = McpScene()

    async def bug(arrived: Arrived, sink: Any) -> Reply:
        raise ZeroDivisionError

    scene.upstreams.answers["files", "tools/call"] = bug
    with pytest.raises(ZeroDivisionError):
        await scene.walk.call(signed_in(scene), asking(), Collected())
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[0]["status"] == "failed"


async def test_a_client_that_leaves_cancels_the_call_and_the_record_says_cancelled() -> None:
    scene = McpScene()
    running = asyncio.Event()

    async def wait(arrived: Arrived, sink: Any) -> Reply:
        running.set()
        await asyncio.Event().wait()
        raise AssertionError

    scene.upstreams.answers["files", "tools/call"] = wait
    task = asyncio.create_task(scene.walk.call(signed_in(scene), asking(), Collected()))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[0]["status"] == "cancelled"
    assert scene.credentials.released == scene.credentials.lent


async def never(*_: Any) -> Any:
    await asyncio.Event().wait()


async def fails(*_: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("breaks", [never, fails])
async def test_a_denial_is_recorded_even_if_what_would_explain_it_never_comes(
    breaks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = McpScene()
    scene.policy.forbid("files/read_file")
    monkeypatch.setattr(scene.policy, "nearest", breaks)
    with pytest.raises((asyncio.TimeoutError, ZeroDivisionError)):
        await asyncio.wait_for(scene.walk.call(signed_in(scene), asking(), Collected()), 0.05)
    assert [record["reason"] for record in scene.ledger.of_kind(RecordKind.DENIAL)] == ["policy_forbid"]


@pytest.mark.parametrize("breaks", [never, fails])
async def test_a_request_outside_its_grant_is_recorded_even_if_nobody_can_say_what_to_ask_for(
    breaks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = McpScene()
    token = scene.token("files", scopes=frozenset({OneTool("files", "search")}))
    monkeypatch.setattr(scene.policy, "evaluate", breaks)
    authenticated = scene.walk.authenticate(Secret(token), TO_FILES)
    with pytest.raises((asyncio.TimeoutError, ZeroDivisionError)):
        await asyncio.wait_for(scene.walk.call(authenticated, asking(), Collected()), 0.05)
    assert [record["reason"] for record in scene.ledger.of_kind(RecordKind.DENIAL)] == ["outside_grant"]


async def test_ending_the_grant_ends_the_call_and_the_record_says_revoked() -> None:
    scene = McpScene()
    running = asyncio.Event()

    async def wait(arrived: Arrived, sink: Any) -> Reply:
        running.set()
        await asyncio.Event().wait()
        raise AssertionError

    scene.upstreams.answers["files", "tools/call"] = wait
    task = asyncio.create_task(refused(scene))
    await running.wait()
    (live,) = scene.grants
    assert scene.calls.end(live.grant.id, Reason.GRANT_ENDED) == 1
    assert (await task).reason is Reason.GRANT_ENDED
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[0]["status"] == "revoked"


async def test_no_reply_leaves_before_its_intent_is_durable() -> None:
    scene = McpScene()
    scene.ledger.hold_sync()
    task = asyncio.create_task(scene.walk.call(signed_in(scene), asking(), Collected()))
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done
    assert len(scene.upstreams.arrived) == 1
    scene.ledger.release_sync()
    assert (await task).status is OutcomeStatus.OK


async def test_only_a_ledger_that_was_set_to_be_unsafe_lets_a_reply_leave_earlier() -> None:
    scene = McpScene()
    scene.ledger.hold_sync()
    walk = replace(scene.walk, durability=Durability(unsafe_async=True))
    reply = await asyncio.wait_for(walk.call(signed_in(scene), asking(), Collected()), 5)
    assert reply.status is OutcomeStatus.OK
    assert kinds(scene) == ["intent", "outcome"]


async def test_no_byte_of_a_stream_leaves_before_its_intent_is_durable() -> None:
    scene, sink = McpScene(), Collected()
    scene.ledger.hold_sync()
    sent = asyncio.Event()

    async def stream(arrived: Arrived, to: Any) -> Reply:
        sent.set()
        await to.interim(Message(b'{"method":"notifications/progress"}'))
        return Reply("result", b"{}", OutcomeStatus.OK)

    scene.upstreams.answers["files", "tools/call"] = stream
    task = asyncio.create_task(scene.walk.call(signed_in(scene), asking(), sink))
    await sent.wait()
    await asyncio.wait([task], timeout=0.05)
    assert sink.messages == []
    scene.ledger.release_sync()
    await task
    assert len(sink.messages) == 1


async def test_a_reply_whose_intent_cannot_be_made_durable_is_withheld() -> None:
    scene = McpScene()
    scene.ledger.hold_sync()
    task = asyncio.create_task(refused(scene))
    await asyncio.wait([task], timeout=0.05)
    scene.ledger.fail_sync()
    assert (await task).reason is Reason.LEDGER_UNAVAILABLE


async def test_a_high_risk_tool_waits_for_durable_before_it_is_dispatched() -> None:
    scene = McpScene()
    risky = Tool(ItemKind.TOOL, "files", "read_file", b"{}", "d", validate=lambda arguments: None, high_risk=True)
    await scene.change_catalog(with_items(FILES, risky))
    authenticated = signed_in(scene)
    (live,) = scene.grants
    object.__setattr__(live.grant, "high_risk", True)
    scene.ledger.hold_sync()
    task = asyncio.create_task(scene.walk.call(authenticated, asking(), Collected()))
    await asyncio.wait([task], timeout=0.05)
    assert scene.upstreams.arrived == []
    assert kinds(scene) == ["intent"]
    scene.ledger.release_sync()
    await task
    assert len(scene.upstreams.arrived) == 1


async def test_a_budget_is_never_overspent_by_calls_that_were_decided_together() -> None:
    scene = McpScene()
    authenticated = signed_in(scene)
    (live,) = scene.grants
    object.__setattr__(live.grant, "budget", Calls(3))
    calls = [scene.walk.call(authenticated, asking(), Collected()) for _ in range(10)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, Reply) for one in done) == 3
    assert len(scene.upstreams.arrived) == 3
    assert {one.reason for one in done if isinstance(one, Refusal)} == {Reason.BUDGET_EXHAUSTED}


async def test_a_dead_token_is_recorded_once_and_counted_afterwards() -> None:
    scene = McpScene()
    authenticated = signed_in(scene)
    next(iter(scene.grants)).apply(GrantEvent.REVOKE)
    for _ in range(5):
        with pytest.raises(Refusal):
            await scene.walk.call(authenticated, asking(), Collected())
    assert kinds(scene) == ["denial"]
    assert scene.ledger.refusals[Reason.GRANT_ENDED] == 4


async def test_what_is_forwarded_is_what_was_decided_on() -> None:
    scene = McpScene()
    given = item("files", ItemKind.TOOL, "read_file", inputSchema={"type": "object"})
    assert isinstance(given, Tool)
    tool = Tool(
        given.kind, given.server, given.name, given.definition, given.digest,
        validate=lambda arguments: None, path_arguments=("path",),
    )  # fmt: skip
    await scene.change_catalog(with_items(FILES, tool))
    await scene.walk.call(signed_in(scene), asking(path="/srv//./x"), Collected())
    assert scene.policy.asked[-1].arguments == {"path": "/srv/x"}
    assert scene.upstreams.arrived[0].params["arguments"] == {"path": "/srv/x"}


@pytest.mark.parametrize("reserved", [{"type": "Role", "id": "admin"}, "admin"])
async def test_a_reserved_key_is_denied_in_a_prompt_s_arguments_too(reserved: Any) -> None:
    scene = McpScene()

    def prompt(**arguments: Any) -> McpRequest:
        params = {"name": "summarise", "arguments": arguments}
        return McpRequest(b"1", "prompts/get", params, Era.MODERN, "2026-07-28", TO_FILES)

    assert (await refused(scene, prompt(__entity=reserved))).reason is Reason.ARGS_RESERVED_KEY
    assert scene.upstreams.arrived == []
    await scene.walk.call(signed_in(scene), prompt(entity=reserved), Collected())
    assert len(scene.upstreams.arrived) == 1
