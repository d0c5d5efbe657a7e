"""The envelope around a server's requestState."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core import request_state
from remit.core.errors import Refusal
from remit.core.reasons import Reason


def canonical(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def binding(params: Mapping[str, Any], method: str = "tools/call", server: str = "files") -> bytes:
    return request_state.bound_to(("grant", "resource", server), method, params, canonical)


def test_g18_a_retry_may_differ_in_its_answers_and_its_meta_and_in_nothing_else() -> None:
    first = binding({"name": "x", "arguments": {"a": 1}, "_meta": {"progressToken": 1}})
    assert first == binding({"arguments": {"a": 1}, "name": "x", "inputResponses": {"a": 1}, "requestState": "s"})
    assert first != binding({"name": "x", "arguments": {"a": 2}})
    assert first != binding({"name": "x"})
    assert first != binding({"name": "x", "arguments": {"a": 1}}, server="git")
    assert first != binding({"name": "x", "arguments": {"a": 1}}, method="prompts/get")


@given(st.text(max_size=50))
def test_g18_a_state_comes_out_as_it_went_in_until_it_expires(state: str) -> None:
    content = request_state.wrap(state, 100)
    assert request_state.unwrap(content, 99.9) == state
    with pytest.raises(Refusal) as caught:
        request_state.unwrap(content, 100)
    assert caught.value.reason is Reason.INVALID_REQUEST_STATE


def test_g18_a_state_is_bounded() -> None:
    request_state.wrap("x" * request_state.STATE_BYTES_MAX, 1)
    with pytest.raises(Refusal) as caught:
        request_state.wrap("x" * (request_state.STATE_BYTES_MAX + 1), 1)
    assert caught.value.reason is Reason.UPSTREAM_TOO_LARGE
