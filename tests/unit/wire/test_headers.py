"""The headers MCP gives a meaning to, and the codec of mirrored values."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.wire.headers import (
    EVENTS,
    JSON,
    accepts,
    check_parameters,
    decode_value,
    encode_value,
    is_json,
    mirrored,
    mirrors,
    parameters,
    scan,
)

BOTH = (JSON, EVENTS)


def test_every_header_is_found_and_the_repeated_ones_are_named() -> None:
    fields = scan(
        [(b"host", b"h"), (b"mcp-name", b"a"), (b"mcp-name", b"b"), (b"x", b"y"), (b"mcp-param-region", b"eu")]
    )
    assert (fields[b"host"], fields.repeated) == (b"h", frozenset({b"mcp-name"}))
    assert parameters(fields) == {b"mcp-param-region": b"eu"}
    assert scan([(b"host", b"h")]).repeated == frozenset()
    assert parameters(scan([(b"host", b"mcp-param-x")])) == {}


def test_a_list_header_may_be_repeated() -> None:
    assert accepts(scan([(b"accept", JSON), (b"x", b""), (b"accept", EVENTS)])[b"accept"], BOTH)


@pytest.mark.parametrize(
    "accept",
    [
        b"application/json, text/event-stream",
        b"text/event-stream;q=0.5,Application/JSON",
        b"*/*",
        b"text/*, application/*",
        b"application/json;v=0, text/event-stream;q=0.01",
    ],
)
def test_accept_takes_both_types(accept: bytes) -> None:
    assert accepts(accept, BOTH)


@pytest.mark.parametrize(
    "accept", [None, b"", b"application/json", b"text/event-stream", b"application/json;q=0, text/event-stream"]
)
def test_accept_lacks_a_type(accept: bytes | None) -> None:
    assert not accepts(accept, BOTH)


@pytest.mark.parametrize(
    "content_type", [b"application/json", b"application/json; charset=UTF-8", b"Application/Json ;x=1"]
)
def test_json_by_any_name(content_type: bytes) -> None:
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type", [None, b"", b"text/plain", b"application/jsonp", b"application/json; charset=utf-16"]
)
def test_not_json(content_type: bytes | None) -> None:
    assert not is_json(content_type)


def wrapped(text: str) -> bytes:
    return b"=?base64?" + base64.b64encode(text.encode()) + b"?="


@pytest.mark.parametrize("plain", ["echo", "a b", "test://x/y?z=1", "=?base64?", "-", "0"])
def test_a_plain_value_travels_as_it_is(plain: str) -> None:
    assert encode_value(plain) == plain.encode()


@pytest.mark.parametrize("odd", ["", " a", "a ", "a\tb", "a\r\nb", "ä", "\0", "=?base64?YQ==?=", "\x7f"])
def test_any_other_value_travels_wrapped_and_comes_back_whole(odd: str) -> None:
    value = encode_value(odd)
    assert value.startswith(b"=?base64?")
    assert value.endswith(b"?=")
    assert decode_value(value) == odd


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_a_wrapped_value_is_its_text(text: str) -> None:
    assert decode_value(wrapped(text)) == text
    assert mirrors(wrapped(text), text)


@pytest.mark.parametrize(
    "value", [b"=?base64?SGVsbG8?=", b"=?base64?SGVs!!!bG8=?=", b"=?base64?SGVsbG9=?=", b"=?base64?/w==?=", b"\xff"]
)
def test_a_value_that_is_badly_wrapped_equals_nothing(value: bytes) -> None:
    assert decode_value(value) is None
    assert not mirrors(value, value.decode("latin-1"))


@pytest.mark.parametrize("value", [b"SGVsbG8=?=", b"=?base64?SGVsbG8=", b"plain", b"a b"])
def test_a_value_without_prefix_or_suffix_is_literal(value: bytes) -> None:
    assert mirrors(value, value.decode())


def test_values_are_case_sensitive_and_must_be_there() -> None:
    assert not mirrors(b"Echo", "echo")
    assert not mirrors(None, "")


def check(declared: dict[str, str], arguments: dict[str, object], **found: bytes) -> None:
    check_parameters(declared, arguments, {f"mcp-param-{name}".encode(): value for name, value in found.items()})


def test_declared_parameters_agree_with_the_arguments() -> None:
    declared = {"region": "region", "size": "box/size", "on": "on"}
    check(
        declared,
        {"region": "Zürich", "box": {"size": 42}, "on": True},
        region=wrapped("Zürich"),
        size=b"42.0",
        on=b"true",
    )
    check(declared, {}, other=b"ignored")
    check(declared, {"region": None, "box": 1}, other=b"ignored")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"n": 42}, {}),
        ({"n": 42}, {"n": b"43"}),
        ({"n": 42}, {"n": b"42.5"}),
        ({"n": 42}, {"n": b"4.2e1"}),
        ({"n": 42}, {"n": b"42."}),
        ({"n": True}, {"n": b"1"}),
        ({"n": "x"}, {"n": b"X"}),
        ({"n": "Hello"}, {"n": b"=?base64?SGVsbG8?="}),
        ({"n": 42}, {"n": b"=?base64?NDI?="}),
        ({}, {"n": b"1"}),
        ({"n": None}, {"n": b"null"}),
        ({"n": ["a"]}, {"n": b"a"}),
    ],
)
def test_declared_parameters_that_differ_are_refused(arguments: dict[str, object], found: dict[str, bytes]) -> None:
    with pytest.raises(Refusal) as caught:
        check({"n": "n"}, arguments, **found)
    assert caught.value.reason is Reason.HEADER_MISMATCH


def test_large_integers_compare_as_digits() -> None:
    check({"n": "n"}, {"n": 9007199254740993}, n=b"9007199254740993.00")
    with pytest.raises(Refusal):
        check({"n": "n"}, {"n": 9007199254740993}, n=b"9007199254740992")


def test_what_is_mirrored_is_what_is_accepted() -> None:
    declared = {"region": "where/a~1b", "size": "size", "on": "on", "absent": "where/x", "null": "null", "list": "list"}
    arguments = {"where": {"a/b": "Zürich"}, "size": 42, "on": False, "null": None, "list": ["a"]}
    headers = mirrored(declared, arguments)
    assert headers == {
        b"mcp-param-region": wrapped("Zürich"),
        b"mcp-param-size": b"42",
        b"mcp-param-on": b"false",
    }
    check_parameters(declared, arguments, headers)
    assert mirrored(declared, None) == {}
