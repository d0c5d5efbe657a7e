"""One answer, as it reads."""

from __future__ import annotations

import pytest

from remit.core.diagnosis.heard import Heard, bare, host, origin, split, text, texts


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"[" * 100_000, b"9" * 10_000, b"\xff"])
def test_what_is_no_json_object_is_no_document(body: bytes) -> None:
    assert Heard("x", "https://a", 200, body=body).document is None


def test_a_json_object_is_one_under_200_only() -> None:
    assert Heard("x", "https://a", 200, body=b'{"a":1}').document == {"a": 1}
    assert Heard("x", "https://a", 404, body=b'{"a":1}').document is None


def test_a_redirect_is_one_only_with_its_status() -> None:
    headers = {"location": "/there"}
    assert Heard("x", "https://a", 302, headers).redirected_to == "/there"
    assert Heard("x", "https://a", 200, headers).redirected_to == ""


def test_the_error_of_a_json_rpc_answer_is_read_under_any_status() -> None:
    assert Heard("x", "https://a", 400, body=b'{"error":{"code":-32600}}').error_code == -32600
    assert Heard("x", "https://a", 400, body=b'{"error":"invalid_token"}').error_code is None
    assert Heard("x", "https://a", 200, body=b'{"result":[]}').result is None


@pytest.mark.parametrize("url", ["", "http://[", "https://a:99999999", "urn:x", "https://a:b/"])
def test_what_is_no_url_has_empty_parts_and_raises_nothing(url: str) -> None:
    assert (split(url).netloc, host(url)) == ("", "")
    assert origin(url).endswith("://")


def test_where_a_url_leads_is_shown_without_what_it_carries() -> None:
    assert bare("https://a/login?code=secret#x") == "https://a/login?…"
    assert bare("/login") == "/login"


def test_only_text_is_taken_for_text() -> None:
    assert (text(3), text("a"), texts("a"), texts(["a", 1])) == ("", "a", (), ("a",))
