"""Which redirect URIs may be registered, which presented ones are registered ones, what a person is shown of one."""

from __future__ import annotations

import pytest

from remit.core.errors import Invalid
from remit.core.reasons import Reason
from remit.core.redirects import NOT_PRIVATE, REDIRECT_CHARS_MAX, checked_redirect, matches, shown, without_port

ANYBODY = [
    "https://app.example/cb",
    "https://app.example",
    "https://app.example:8443/cb?tenant=7&next=/a%20b",
    "https://xn--bcher-kva.example/cb",
    "https://192.0.2.7/cb",
    "https://[2001:db8::1]:8443/cb",
    "https://app.example/a.b/..c/.well-known/cb",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:33418/",
    "http://[::1]:7/cb",
    "http://localhost:65535/cb?x=?",
]
BY_HAND = ["com.example.app:/oauth2redirect", "cursor://anysphere.cursor-mcp/oauth/callback", "my-app+1:/cb?x=1"]


@pytest.mark.parametrize("uri", ANYBODY)
@pytest.mark.parametrize("private_schemes", [True, False])
def test_https_and_http_to_this_device_may_be_registered(uri: str, private_schemes: bool) -> None:
    assert checked_redirect(uri, private_schemes=private_schemes) == uri


@pytest.mark.parametrize("uri", BY_HAND)
def test_an_apps_own_scheme_is_for_clients_registered_by_hand(uri: str) -> None:
    assert checked_redirect(uri, private_schemes=True) == uri
    with pytest.raises(Invalid):
        checked_redirect(uri, private_schemes=False)


@pytest.mark.parametrize("scheme", sorted(NOT_PRIVATE - {"https"}))
def test_a_scheme_with_a_meaning_of_its_own_is_no_apps_own(scheme: str) -> None:
    for uri in (f"{scheme}:/cb", f"{scheme}://app.example/cb", f"{scheme}:cb"):
        with pytest.raises(Invalid):
            checked_redirect(uri, private_schemes=True)
    assert checked_redirect(f"{scheme}x:/cb", private_schemes=True)


@pytest.mark.parametrize(
    "uri",
    [
        "", "/cb", "app.example/cb", "//app.example/cb", "https:/cb", "https:app.example", "https://", "https:///cb",
        "HTTPS://app.example/cb", "Https://app.example/cb", "JavaScript:alert(1)", "javascript://app.example/%0aalert(1)",
        "urn:ietf:wg:oauth:2.0:oob", "com.example.app:", "com.example.app:cb", "com.example.app:///cb", "app://",
        "http://app.example/cb", "http://127.0.0.2/cb", "http://localhost.example/cb", "http://localhost./cb",
        "http://app.localhost/cb", "http://[::2]/cb", "http://[0:0:0:0:0:0:0:1]/cb", "http://0.0.0.0/cb",
    ],
)  # fmt: skip
def test_what_is_no_https_loopback_or_app_uri_is_refused(uri: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_redirect(uri, private_schemes=True)
    assert refusal.value.reason is Reason.INVALID_REDIRECT


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/cb#", "https://app.example/cb#x", "https://app.example#x", "https://u@app.example/cb",
        "https://u:p@app.example/cb", "https://@app.example/cb", "app://u@host/cb", "https://app.example\\@evil.test/",
        "https://app.example/a b", "https://app.example/\t", "https://app.example/cb\n", "\nhttps://app.example/cb",
        "https://app.example/\x00", "https://app.example/é", "https://exämple.test/", "https://app.example/<cb>",
        'https://app.example/"', "https://app.example/{x}", "https://app.example/[x]", "https://app.example/%",
        "https://app.example/%zz", "https://app.example/?%2", "https://app.example/a\\b", "https://app.example/^",
    ],
)  # fmt: skip
def test_a_fragment_a_user_or_a_stray_character_is_refused(uri: str) -> None:
    with pytest.raises(Invalid):
        checked_redirect(uri, private_schemes=True)


@pytest.mark.parametrize(
    "host",
    [
        "*", "*.example", "a*.example", "App.example", "app.EXAMPLE", "app%2eexample", "%61pp.example", "app.example.",
        ".example", "app..example", "-app.example", "app-.example", "app_1.example", "127.1", "2130706433",
        "0x7f.0.0.1", "127.0.0.01", "1.2.3.4.5", "256.0.0.1", "app.1", "[::1", "::1", "[2001:DB8::1]",
        "[2001:db8:0:0::1]", "[fe80::1%25a]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[]", "[v1.a]",
        "a" * 64 + ".example", ".".join(["a" * 60] * 5),
        "app.example:0", "app.example:65536", "app.example:080", "app.example:", "app.example:8a", "app.example:-1",
        "app.example:1:2", "app.example:٣",
    ],
)  # fmt: skip
def test_a_host_or_port_in_another_spelling_is_refused(host: str) -> None:
    with pytest.raises(Invalid):
        checked_redirect(f"https://{host}/cb", private_schemes=True)


@pytest.mark.parametrize(
    "path",
    ["/..", "/.", "/a/../b", "/a/./b", "/a/..", "/%2e%2e/b", "/.%2E/b", "/%2e/b", "/a/..%2fb", "/a%5C..%5cb", "/a/%2E"],
)
def test_a_dot_segment_is_refused_however_it_is_written(path: str) -> None:
    for place in ("https://app.example", "http://localhost", "com.example.app:", "app://host"):
        with pytest.raises(Invalid):
            checked_redirect(place + path, private_schemes=True)
        assert checked_redirect(
            place + path.replace("%2e", "x").replace("%2E", "x").replace(".", "x"), private_schemes=True
        )


def test_its_length_has_a_bound() -> None:
    longest = "https://app.example/".ljust(REDIRECT_CHARS_MAX, "a")
    assert checked_redirect(longest, private_schemes=False) == longest
    with pytest.raises(Invalid):
        checked_redirect(longest + "a", private_schemes=False)


def test_a_refusal_does_not_repeat_a_password() -> None:
    for uri in ("https://u:hunter2@app.example/cb", "https://u:hunter2@app.example/a b"):
        with pytest.raises(Invalid) as refusal:
            checked_redirect(uri, private_schemes=False)
        assert "hunter2" not in str(refusal.value)
    with pytest.raises(Invalid, match=r"http://app\.example"):
        checked_redirect("http://app.example/cb", private_schemes=False)


REGISTERED = frozenset({"https://app.example/cb", "http://127.0.0.1/cb", "http://localhost:3000/cb?x=1", "app://h/cb"})


@pytest.mark.parametrize(
    "presented",
    [
        *sorted(REGISTERED), "http://127.0.0.1:50123/cb", "http://127.0.0.1:1/cb", "http://localhost/cb?x=1",
        "http://localhost:65535/cb?x=1",
    ],
)  # fmt: skip
def test_a_registered_uri_matches_and_so_does_another_port_of_this_device(presented: str) -> None:
    assert matches(REGISTERED, presented)


@pytest.mark.parametrize(
    "presented",
    [
        "", "https://app.example/cb/", "https://app.example/CB", "https://app.example:443/cb", "https://app.example/cb?",
        "https://app.example/cb?x=1", "https://app.example/%63b", "https://APP.example/cb", "https://app.example/cb#x",
        "http://app.example/cb", "https://127.0.0.1/cb", "http://localhost/cb", "http://[::1]/cb", "http://127.0.0.2/cb",
        "http://127.0.0.1:0/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:/cb",
        "http://127.0.0.1:80@evil.test/cb", "http://127.0.0.1:80\\@evil.test/cb", "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:80/cb#x", "http://127.0.0.1:80/cb/..", "http://127.0.0.1:80/../cb", "http://u@127.0.0.1:80/cb",
        "http://localhost:3000/cb", "http://localhost:3000/cb?x=2", "HTTP://127.0.0.1/cb", "app://h:1/cb",
        "http://127.0.0.1:1/cb\n", " http://127.0.0.1:1/cb",
    ],
)  # fmt: skip
def test_nothing_but_the_registered_redirects_matches(presented: str) -> None:
    assert not matches(REGISTERED, presented)


def test_nothing_matches_a_client_without_redirects() -> None:
    assert not matches(frozenset(), "https://app.example/cb")


def test_only_http_to_this_device_loses_its_port() -> None:
    assert without_port("http://[::1]:7/cb?x=:7") == "http://[::1]/cb?x=:7"
    assert without_port("http://localhost:7") == "http://localhost"
    for same in ("http://localhost/cb", "https://localhost:7/cb", "https://app.example:7/cb", "app://localhost:7/cb"):
        assert without_port(same) == same


def test_a_person_is_shown_where_the_code_goes() -> None:
    web = shown("https://app.example:8443/cb")
    assert (web.host, web.loopback, web.private_scheme, web.international) == ("app.example", False, False, False)
    assert shown("com.example.app:/cb").host == "com.example.app:"
    assert shown("evil://bank.example/cb").host == "evil:"
    assert shown("com.example.app:/cb").private_scheme
    assert shown("https://www.xn--pple-43d.com/cb").international
    assert not shown("https://xnet.example/xn--cb").international


@pytest.mark.parametrize(
    ("uri", "loopback"),
    [
        ("http://localhost:1/", True), ("http://127.0.0.1/", True), ("http://[::1]/", True),
        ("https://127.9.9.9/", True), ("https://app.localhost/", True),
        ("https://localhost.example/", False), ("https://127.example/", False),
    ],
)  # fmt: skip
def test_a_person_is_told_when_the_code_stays_on_the_device(uri: str, loopback: bool) -> None:
    assert shown(uri).loopback is loopback


def test_what_is_no_redirect_is_not_shown() -> None:
    with pytest.raises(Invalid):
        shown("javascript:alert(1)")


@pytest.mark.parametrize(
    "query",
    ["code=x", "a=1&state=s", "iss=https://evil.example", "error=x", "a;error_uri=x", "co%64e=x", "error_description"],
)
def test_a_uri_that_answers_before_it_is_asked_may_not_be_registered(query: str) -> None:
    with pytest.raises(Invalid, match="which the answer brings"):
        checked_redirect(f"https://app.example/cb?{query}", private_schemes=False)
    assert checked_redirect("https://app.example/cb?from=remit&codes=1&a=code", private_schemes=False)
