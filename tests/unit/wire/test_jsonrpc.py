"""Strict reading: what JSON parsers read differently is refused, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.wire import jsonrpc
from remit.wire.jsonrpc import MessageKind


def refused(text: bytes) -> Reason:
    with pytest.raises(Refusal) as caught:
        jsonrpc.read(jsonrpc.decode(text))
    return caught.value.reason


def accepted(text: bytes) -> jsonrpc.Incoming:
    return jsonrpc.read(jsonrpc.decode(text))


def request(params: str = "{}", id: str = "1") -> bytes:
    return f'{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}'.encode()


def test_a_request_a_notification_and_two_responses_are_told_apart() -> None:
    assert accepted(request()).kind is MessageKind.REQUEST
    assert accepted(b'{"jsonrpc":"2.0","method":"notifications/initialized"}').kind is MessageKind.NOTIFICATION
    assert accepted(b'{"jsonrpc":"2.0","id":1,"result":{}}').kind is MessageKind.RESPONSE
    assert accepted(b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}').kind is MessageKind.RESPONSE


@pytest.mark.parametrize(("id", "text"), [("7", b"7"), ("-3", b"-3"), ('"a\\u00e9"', b'"a\xc3\xa9"'), ('""', b'""')])
def test_an_id_keeps_its_json_type(id: str, text: bytes) -> None:
    assert accepted(request(id=id)).id == text


def test_a_string_id_of_the_longest_length_is_taken() -> None:
    assert accepted(request(id=f'"{"x" * 256}"')).id == b'"' + b"x" * 256 + b'"'


@pytest.mark.parametrize("id", ["null", "true", "1.5", "1.0", "[]", "{}", f'"{"x" * 257}"'])
def test_an_id_that_is_no_integer_or_short_string_is_refused(id: str) -> None:
    assert refused(request(id=id)) is Reason.INVALID_MESSAGE


@pytest.mark.parametrize(
    "text", [b"", b"{", b"nul", b'{"a":1} x', b'\xef\xbb\xbf{"a":1}', b'{"a":"\xff"}', b'{"a":NaN}']
)
def test_what_is_not_json_is_refused_as_such(text: bytes) -> None:
    assert refused(text) is Reason.MALFORMED_JSON


def test_a_batch_is_refused_also_with_one_message_in_it() -> None:
    assert refused(b"[" + request() + b"]") is Reason.BATCH_REFUSED
    assert accepted(request()).method == "tools/call"


@pytest.mark.parametrize(
    "text",
    [
        b"1",
        b'"x"',
        b'{"jsonrpc":"1.0","id":1,"method":"x"}',
        b'{"id":1,"method":"x"}',
        b'{"jsonrpc":"2.0","id":1,"method":1}',
        b'{"jsonrpc":"2.0","id":1,"method":""}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","params":null}',
        b'{"jsonrpc":"2.0","id":1,"method":"x","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
        b'{"jsonrpc":"2.0","id":1,"result":1}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":1}',
    ],
)
def test_json_that_is_no_message_is_refused(text: bytes) -> None:
    assert refused(text) is Reason.INVALID_MESSAGE


@pytest.mark.parametrize(
    "params",
    [
        '{"name":"a","name":"b"}',
        '{"arguments":{"deep":[{"x":1,"x":1}]}}',
        '{"name":"a:b","n\\u0061me":"c"}',
        '{"a":"\\u003a","b":1,"b":2}',
        '{"a:b":1,"a\\u003ab":2}',
    ],
)
def test_a_repeated_key_is_refused_at_any_depth_and_in_any_spelling(params: str) -> None:
    assert refused(request(params)) is Reason.DUPLICATE_KEY


@pytest.mark.parametrize(
    "params", ['{"name":"a","arguments":{"name":"b"}}', '{"a":"\\u003a::","b":"x:y"}', '{"a:b":1}']
)
def test_equal_keys_in_different_objects_and_colons_in_strings_are_no_repetition(params: str) -> None:
    assert accepted(request(params)).params == json.loads(params)


@pytest.mark.parametrize(
    "text", [b'{"JSONRPC":"2.0","id":1,"method":"x"}', request('{"Name":"x"}'), request('{"_META":{}}')]
)
def test_a_reserved_key_in_another_case_is_refused(text: bytes) -> None:
    assert refused(text) is Reason.ODD_CASE_KEY


def test_folding_that_only_some_readers_do_is_refused_too() -> None:
    # Go's encoding/json folds the long s of Unicode into s.
    assert refused(request('{"argument\u017f":{}}')) is Reason.ODD_CASE_KEY
    assert refused(request('{"_meta":{"io.modelcontextprotocol/ProtocolVersion":"x"}}')) is Reason.ODD_CASE_KEY
    assert accepted(request('{"arguments":{},"x-vendor":1,"_meta":{"vendor/Key":1}}')).method == "tools/call"


def test_arguments_that_differ_only_in_case_are_refused() -> None:
    assert refused(request('{"arguments":{"path":"/a","Path":"/b"}}')) is Reason.ODD_CASE_KEY
    assert accepted(request('{"arguments":{"Path":"/b","other":1}}')).params["arguments"]["Path"] == "/b"


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "9" * 300, "-" + "9" * 300])
def test_an_integer_beyond_64_bits_is_refused(number: str) -> None:
    assert refused(request(f'{{"arguments":{{"n":{number}}}}}')) is Reason.NUMBER_OUT_OF_RANGE


@pytest.mark.parametrize(
    "number", ["18446744073709551615", "-9223372036854775808", "0.1234567890123456789012345", "1e30"]
)
def test_numbers_that_fit_64_bits_and_digits_in_strings_pass(number: str) -> None:
    assert accepted(request(f'{{"arguments":{{"n":{number},"s":"{"9" * 40}"}}}}')).id == b"1"


@pytest.mark.parametrize("depth", [254, 1000, 100_000])
def test_depth_is_refused_before_it_costs_anything(depth: int) -> None:
    assert refused(request('{"a":' + "[" * depth + "]" * depth + "}")) in (
        Reason.INVALID_MESSAGE,
        Reason.MALFORMED_JSON,
    )
    assert accepted(request('{"a":' + "[" * 100 + "]" * 100 + "}")).id == b"1"


def test_an_answer_goes_under_the_message_s_id_or_null() -> None:
    assert jsonrpc.id_of({"id": 7}) == b"7"
    assert jsonrpc.id_of({"id": "x"}) == b'"x"'
    assert (
        jsonrpc.id_of({"id": None})
        == jsonrpc.id_of({"id": True})
        == jsonrpc.id_of({"id": 1.5})
        == jsonrpc.id_of({})
        == b"null"
    )


def test_a_result_s_bytes_are_not_touched() -> None:
    value = b'{ "b" : 1.0,"a":  "\\u0061" }'
    assert jsonrpc.result(b"7", value) == b'{"jsonrpc":"2.0","id":7,"result":' + value + b"}"


# JSON texts with repeated keys, colons and escapes wherever they may stand, beside what an exact reader says of them.
_TEXT = st.text(alphabet='ab:\\"\u00e9', max_size=4)


def _spelled(text: str, escape: bool) -> str:
    return json.dumps(text).replace(":", "\\u003a") if escape else json.dumps(text)


@st.composite
def _json(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(
            st.one_of(st.builds(_spelled, _TEXT, st.booleans()), st.sampled_from(["1", "null", "true", "-2.5"]))
        )
    members = draw(st.lists(st.tuples(_TEXT, st.booleans()), max_size=4))
    if draw(st.booleans()):
        return "[" + ",".join(draw(_json(depth - 1)) for _ in members) + "]"
    return "{" + ",".join(f"{_spelled(key, escape)} : {draw(_json(depth - 1))}" for key, escape in members) + "}"


def _repeats(text: str) -> bool:
    seen = False

    def watch(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal seen
        seen = seen or len(dict(pairs)) != len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=watch)
    return seen


@given(_json())
def test_repeated_keys_are_found_exactly_when_there_are_any(value: str) -> None:
    text = f'{{"v":{value}}}'
    if _repeats(text):
        assert refused(text.encode()) is Reason.DUPLICATE_KEY
    else:
        assert jsonrpc.decode(text.encode()) == json.loads(text)


@given(st.integers(-(10**25), 10**25), st.integers(0, 40))
def test_integers_are_refused_exactly_outside_64_bits(number: int, zeros: int) -> None:
    text = b'{"n":%d,"s":"%s"}' % (number, b"0" * zeros)
    if -(2**63) <= number < 2**64:
        assert jsonrpc.decode(text)["n"] == number
        assert orjson.loads(text)["n"] == number
    else:
        with pytest.raises(Refusal) as caught:
            jsonrpc.decode(text)
        assert caught.value.reason is Reason.NUMBER_OUT_OF_RANGE
