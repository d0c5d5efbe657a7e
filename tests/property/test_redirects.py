"""A code goes to a registered place and nowhere else, for any text a client presents."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from remit.core.errors import Invalid
from remit.core.redirects import checked_redirect, matches, shown, without_port

PIECES = st.sampled_from(
    [
        "http", "https", "HTTP", "app", "javascript", ":", "/", "//", "\\", "@", "#", "?", "*", "%2e", "%", ".", "..",
        "[::1]", "localhost", "127.0.0.1", "127.1", "evil.test", "app.example", "Ä", " ", "\n", ":0", ":80", ":080",
        "xn--a", "cb",
    ]
)  # fmt: skip
CHARACTERS = "".join(map(chr, range(128))) + "é٣😀\ud800"
TEXTS = st.one_of(
    st.lists(PIECES, max_size=9).map("".join), st.text(CHARACTERS, max_size=20).map("https://app.example/".__add__)
)
HOSTS = st.sampled_from(["127.0.0.1", "[::1]", "localhost"])
PATHS = st.sampled_from(["", "/", "/cb", "/cb/x", "/cb?x=1", "?x=1"])
PORTS = st.integers(1, 65_535).map(":{}".format) | st.just("")
LOOPBACK = st.builds(lambda host, port, path: f"http://{host}{port}{path}", HOSTS, PORTS, PATHS)
WEB = st.builds(
    lambda scheme, port, path: f"{scheme}{port}{path}",
    st.sampled_from(["https://app.example", "https://localhost", "app://host"]), PORTS, PATHS,
)  # fmt: skip


@given(TEXTS, st.booleans())
@example("https://app.example\\@evil.test/cb", True)
def test_what_is_accepted_is_read_alike_by_another_parser(text: str, by_hand: bool) -> None:
    try:
        accepted = checked_redirect(text, private_schemes=by_hand)
    except Invalid:
        return
    parts = urlsplit(accepted)
    assert accepted == text
    assert accepted.isascii()
    assert accepted.isprintable()
    assert not {"\\", " ", "#", "*"} & set(accepted.partition("?")[0].replace(parts.path, "", 1))
    assert parts.username is None
    assert parts.fragment == ""
    assert parts.port != 0
    if parts.scheme in ("http", "https"):
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        assert shown(accepted).host == host
        assert parts.scheme == "https" or shown(accepted).loopback
    else:
        assert by_hand
        assert shown(accepted).private_scheme


@given(st.frozensets(LOOPBACK | WEB, max_size=3), LOOPBACK | WEB | TEXTS)
def test_only_a_registered_uri_matches_but_for_the_port_of_this_device(registered: frozenset[str], text: str) -> None:
    same = text in registered
    port_aside = any(_apart(text) == _apart(uri) for uri in registered)
    assert matches(registered, text) == (same or port_aside)
    if matches(registered, text):
        assert without_port(text) in {without_port(uri) for uri in registered}
        assert checked_redirect(text, private_schemes=True)


def _apart(uri: str) -> object:
    """An http URI to this device with its port taken out by another parser; every other text unlike any other."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return object()
    host = parts.netloc.removesuffix(f":{port}")
    canonical = uri == parts.geturl() and uri.startswith("http://") and host in ("127.0.0.1", "[::1]", "localhost")
    return (host, uri.removeprefix(f"http://{parts.netloc}")) if canonical and port != 0 else object()


@given(HOSTS, PORTS, PORTS, PATHS, PATHS)
def test_any_two_ports_of_this_device_are_one_place(host: str, one: str, other: str, path: str, another: str) -> None:
    registered = {f"http://{host}{one}{path}"}
    assert matches(registered, f"http://{host}{other}{path}")
    assert matches(registered, f"http://{host}{other}{another}") == (path == another)
