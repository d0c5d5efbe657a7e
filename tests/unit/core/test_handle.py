"""A session handle, once opened."""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal
from remit.core.handle import CONTENT_BYTES_MAX, Handle, said_by_client
from remit.core.principals import Claims
from remit.core.reasons import Reason
from remit.core.request import Session

CLAIMS = Claims("issuer", "engineer", "demo", "grant", "acme", "resource", "jti", 0, 0, 10)
SESSION = Session("nonce", "2025-11-25", {"protocolVersion": "2025-11-25", "capabilities": {"ünï": {}}}, "upstream")


def handle(**changes: str) -> Handle:
    fields = {"grant": "grant", "client": "demo", "subject": "engineer", "resource": "resource"} | changes
    return Handle(**fields, issued_at_s=7, session=SESSION)


def test_g15_a_handle_reads_back_as_it_was_written() -> None:
    assert Handle.decode(handle().encode()) == handle()


def test_g15_a_handle_belongs_to_one_grant_client_subject_and_endpoint() -> None:
    assert handle().belongs_to(CLAIMS, "resource")
    assert not handle().belongs_to(CLAIMS, "other")
    for changes in ({"grant": "other"}, {"client": "other"}, {"subject": "other"}):
        assert not handle(**changes).belongs_to(CLAIMS, "resource")


def test_g15_a_handle_is_bounded() -> None:
    said = {"capabilities": {"experimental": "x" * CONTENT_BYTES_MAX}}
    with pytest.raises(Refusal) as caught:
        Handle("g", "c", "s", "r", 0, Session("n", "v", said)).encode()
    assert caught.value.reason is Reason.INVALID_PARAMS


def test_g7_of_a_client_s_words_its_capabilities_and_name_are_kept() -> None:
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}},
        "clientInfo": {"name": "n", "version": "1", "icons": ["x" * 9999]},
        "_meta": {},
    }
    assert said_by_client(params) == {
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}},
        "clientInfo": {"name": "n", "version": "1"},
    }
