from __future__ import annotations

import pytest

from remit.adapters.upstream.http_heads import Heads
from remit.core.egress import parse_peer
from remit.core.errors import Denied
from remit.core.lease import Credential
from remit.core.secret import Secret

PEER = parse_peer("https://crm.example:8443/mcp?x=1")


def test_a_head_holds_the_target_the_host_and_the_credential() -> None:
    credential = Credential(headers=(("Authorization", Secret(b"Bearer abc")),))
    head = Heads(PEER, {"X-Api": "2"}).post(credential, "2026-07-28", "", b"mcp-method: a\r\n", 5)
    assert head.startswith(b"POST /mcp?x=1 HTTP/1.1\r\nhost: crm.example:8443\r\n")
    assert head.endswith(b"mcp-method: a\r\ncontent-length: 5\r\n\r\n")
    assert b"\r\nauthorization: Bearer abc\r\n" in head
    assert b"\r\nx-api: 2\r\n" in head


def test_a_changed_credential_replaces_the_old_one_whole() -> None:
    heads = Heads(PEER, {})
    heads.post(Credential(headers=(("authorization", Secret(b"old")),)), "v", "", b"", 0)
    head = heads.post(Credential(headers=(("authorization", Secret(b"new")),)), "v", "", b"", 0)
    assert b"new" in head
    assert b"old" not in head
    assert b"authorization" not in heads.post(Credential(), "v", "", b"", 0)


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"", b" a", b"a\0"])
def test_a_secret_that_would_break_the_head_is_refused_unquoted(value: bytes) -> None:
    credential = Credential(headers=(("authorization", Secret(b"s3cret" + value if value else value)),))
    if value == b" a":
        credential = Credential(headers=(("authorization", Secret(value)),))
    with pytest.raises(Denied) as caught:
        Heads(PEER, {}).post(credential, "v", "", b"", 0)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["Host", "content-length", "Mcp-Session-Id", "transfer-encoding", "a b", "", "x:"])
def test_a_registration_cannot_set_what_frames_or_routes(name: str) -> None:
    with pytest.raises(Denied):
        Heads(PEER, {name: "x"})
