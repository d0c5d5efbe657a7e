from __future__ import annotations

import pytest

from remit.adapters.upstream.messages import IdCounter, one_line, parse, reply_of, request_body
from remit.core.errors import Invalid, Outage
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason


def test_ids_never_repeat_and_every_json_reader_keeps_them() -> None:
    counter = IdCounter()
    ids = [counter.take() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert max(ids) < 2**53
    assert IdCounter().take() not in ids


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (b'{"content":[]}', OutcomeStatus.OK),
        (b'{"isError":false,"resultType":"complete"}', OutcomeStatus.OK),
        (b'{"isError":true}', OutcomeStatus.TOOL_ERROR),
        (b'{"resultType":"input_required","inputRequests":{}}', OutcomeStatus.INPUT_REQUIRED),
        (b'{"resultType":"task","task":{}}', OutcomeStatus.OK),
    ],
)
def test_a_results_status_is_read_from_its_flags(result: bytes, status: OutcomeStatus) -> None:
    reply = reply_of(parse(b'{"jsonrpc":"2.0","id":5,"result":%b}' % result), 5)
    assert (reply.value, reply.status) == (result, status)


@pytest.mark.parametrize("kind", [b'"mystery"', b"null", b"5", b"{}"])
def test_an_unknown_result_type_is_invalid(kind: bytes) -> None:
    """G17"""
    with pytest.raises(Outage) as caught:
        reply_of(parse(b'{"id":5,"result":{"resultType":%b}}' % kind), 5)
    assert caught.value.reason is Reason.UPSTREAM_INVALID


def test_line_breaks_between_tokens_become_spaces() -> None:
    assert one_line(b'{\r\n"a":1}') == b'{  "a":1}'


def test_a_value_json_cannot_carry_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        request_body(1, "tools/call", {"a": 2**70})
    assert caught.value.reason is Reason.NUMBER_OUT_OF_RANGE
