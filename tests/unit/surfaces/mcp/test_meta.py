"""`_meta` on its way out."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.catalog import Era
from remit.surfaces.mcp.meta import outgoing, trace_of

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def sent(meta: dict[str, Any], era: Era = Era.MODERN) -> dict[str, Any]:
    result: dict[str, Any] = outgoing({"name": "x", "_meta": meta}, era)["_meta"]
    return result


def test_params_with_nothing_to_change_are_the_same_object() -> None:
    params = {"name": "x", "_meta": {VERSION: "2026-07-28", CAPABILITIES: {}, "progressToken": 1}}
    assert outgoing(params, Era.MODERN) is params
    assert outgoing({"name": "x"}, Era.MODERN) == {"name": "x"}


def test_g20_a_valid_trace_passes_and_so_do_vendor_keys() -> None:
    meta = {"traceparent": PARENT, "tracestate": "a=1,b@c=2", "vendor.example/key": {"x": 1}, "progressToken": "t"}
    assert sent(meta) == meta


@pytest.mark.parametrize(
    "parent",
    [
        PARENT.upper(),
        PARENT[:-1],
        PARENT + "x",
        PARENT + "\n",
        "01" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        7,
        None,
        ["x"],
    ],
)
def test_g20_an_invalid_trace_does_not_leave(parent: object) -> None:
    assert sent({"traceparent": parent, "tracestate": "a=1"}) == {}
    assert trace_of({"traceparent": parent}) == ""


@pytest.mark.parametrize("state", ["no-value", "a=1,,", "A=1", "a=" + "x" * 600, 1])
def test_g20_an_invalid_tracestate_does_not_leave(state: object) -> None:
    assert sent({"traceparent": PARENT, "tracestate": state}) == {"traceparent": PARENT}


@pytest.mark.parametrize("era", list(Era))
def test_g20_baggage_never_leaves(era: Era) -> None:
    carried = {"baggage": "tenant=a, secret=b;p=1,region = eu"}
    assert sent(carried, era) == {}
    assert sent({**carried, "traceparent": PARENT}, era) == {"traceparent": PARENT}


def test_g20_a_client_cannot_speak_as_remit_or_of_tasks() -> None:
    assert sent({"io.remit/decision": 1, "io.modelcontextprotocol/related-task": {"taskId": "x"}, "a": 1}) == {"a": 1}
    tasks = {CAPABILITIES: {"sampling": {}, "tasks": {}, "extensions": {"io.modelcontextprotocol/tasks": {}, "x": {}}}}
    assert sent(tasks) == {CAPABILITIES: {"sampling": {}, "extensions": {"x": {}}}}


def test_g20_connection_keys_stay_in_their_own_era() -> None:
    meta = {VERSION: "2026-07-28", CAPABILITIES: {}, "progressToken": 1}
    assert sent(meta) == meta
    assert sent(meta, Era.LEGACY) == {"progressToken": 1}


def test_g20_a_tracestate_leaves_up_to_512_characters() -> None:
    member = "vendor=" + "x" * 56  # 64 with its comma
    fits, longer = ",".join([member] * 8), ",".join([member] * 8) + ",a=1"
    assert sent({"traceparent": PARENT, "tracestate": fits})["tracestate"] == fits
    assert sent({"traceparent": PARENT, "tracestate": longer}) == {"traceparent": PARENT}
