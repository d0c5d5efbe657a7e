"""Where a request came in: which endpoint, under which name, and what it is told when it has to come back."""

from __future__ import annotations

import pytest

from remit.core.errors import Invalid
from remit.core.reasons import Reason
from remit.surfaces.mcp.place import Places, challenge
from remit.wire.headers import scan

URL = "https://remit.test"


@pytest.mark.parametrize(
    "url", ["", "remit.test", "ftp://remit.test", "https://", f"{URL}/mcp", f"{URL}?a", f"{URL}#a"]
)
def test_a_public_url_that_is_more_or_less_than_an_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="public_url"):
        Places(url)


@pytest.mark.parametrize("url", [URL, f"{URL}/", "http://127.0.0.1:8700"])
def test_an_endpoint_is_below_the_public_url(url: str) -> None:
    own = url.rstrip("/")
    shared, files = Places(url).find(b"/mcp"), Places(url).find(b"/mcp/files")
    assert (shared.endpoint.server, shared.endpoint.resource) == ("", f"{own}/mcp")
    assert (files.endpoint.server, files.endpoint.resource) == ("files", f"{own}/mcp/files")
    assert files.metadata == f"{own}/.well-known/oauth-protected-resource/mcp/files"


@pytest.mark.parametrize("path", [b"/mcp/", b"/mcp/a/b", b"/mcp/../mcp", b"/mcp/%66iles", b"/mcp/a b", b"/mcpx", b""])
def test_what_is_no_endpoint_s_path_is_unknown(path: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        Places(URL).find(path)
    assert caught.value.reason is Reason.UNKNOWN_PATH


def guarded(url: str, *headers: tuple[bytes, bytes]) -> None:
    Places(url).guard(scan(list(headers)))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (URL, b"remit.test"), (URL, b"Remit.Test"), (URL, b"remit.test:443"), (f"{URL}:443", b"remit.test"),
        (f"{URL}:8443", b"remit.test:8443"), ("http://remit.test", b"remit.test:80"),
    ],
)  # fmt: skip
def test_the_host_of_the_public_url_is_ours(url: str, host: bytes) -> None:
    assert guarded(url, (b"host", host)) is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (URL, b"evil.test"), (URL, b""), (URL, b"remit.test:80"), (URL, b"remit.test.evil.test"), (URL, b"remit.test."),
        (f"{URL}:8443", b"remit.test"), (f"{URL}:8443", b"remit.test:443"),
    ],
)  # fmt: skip
def test_any_other_host_is_refused(url: str, host: bytes) -> None:
    for headers in ([(b"host", host)], [(b"host", b"remit.test"), (b"host", host)], []):
        with pytest.raises(Invalid) as caught:
            guarded(url, *headers)
        assert caught.value.reason is Reason.BAD_HOST


@pytest.mark.parametrize("origin", [b"https://evil.test", b"http://remit.test", b"null", b"", b"https://remit.test:80"])
def test_a_page_of_another_origin_is_refused(origin: bytes) -> None:
    for again in ((), ((b"origin", b"https://remit.test"),)):
        with pytest.raises(Invalid) as caught:
            guarded(URL, (b"host", b"remit.test"), *again, (b"origin", origin))
        assert caught.value.reason is Reason.BAD_ORIGIN
    assert guarded(URL, (b"host", b"remit.test"), (b"origin", b"https://Remit.test")) is None


def test_a_challenge_says_what_is_wrong_what_is_needed_and_where_to_read_on() -> None:
    files, shared = Places(URL).find(b"/mcp/files"), Places(URL).find(b"/mcp")
    metadata = f'resource_metadata="{URL}/.well-known/oauth-protected-resource/mcp'
    assert challenge(shared) == f'Bearer {metadata}"'.encode()
    assert challenge(files) == f'Bearer scope="files", {metadata}/files"'.encode()
    told = challenge(files, error="insufficient_scope", scope="files:read", description="more is needed")
    assert told.decode() == (
        f'Bearer error="insufficient_scope", error_description="more is needed", scope="files:read", {metadata}/files"'
    )
