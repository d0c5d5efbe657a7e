"""Redirect URIs: which may be registered, which presented one is a registered one, and what a person is shown of one.

One spelling per place (no upper case, no escapes in the host, no address in odd notation), because the comparison is of
strings and because the host on the consent page must be the one a browser goes to.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import unquote, unquote_plus

from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason

REDIRECT_CHARS_MAX: Final = 2048
LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
# RFC 8252 section 7.1 is about schemes of apps; these have a meaning of their own in browsers or on the network.
NOT_PRIVATE: Final = frozenset(
    {
        "about", "blob", "data", "file", "filesystem", "ftp", "http", "https", "intent", "javascript", "vbscript",
        "view-source", "ws", "wss",
    }
)  # fmt: skip
# What an answer adds to the URI: there before it, a client may read the one that somebody else wrote.
ANSWER: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})

_CHARACTER: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
_URI: Final = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*):(?://(?P<authority>[^/?#]*))?(?P<path>(?:/{_CHARACTER}*)?)"
    rf"(?P<query>(?:\?(?:{_CHARACTER}|\?)*)?)\Z"
)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9a-f:.]*\]|[^:\[\]]*)(?::(?P<port>.*))?\Z")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
_NUMERIC_LABEL: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}\Z")
_HTTP_LOOPBACK: Final = re.compile(
    r"(?P<place>http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::(?P<port>[0-9]*))?(?=[/?]|\Z)"
)
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}\Z")


@dataclass(frozen=True, slots=True)
class Redirect:
    """What a consent page shows and warns of. `host` is the place the code goes to: the host as it is spelt, or for a
    private-use scheme that scheme and a colon, since whoever claims it on the device gets the code."""

    host: str
    loopback: bool
    private_scheme: bool
    international: bool


@dataclass(frozen=True, slots=True)
class _Parts:
    scheme: str
    host: str


def checked_redirect(text: str, *, private_schemes: bool) -> str:
    """The URI as it is, if it may be registered: https, http to this very device, or (`private_schemes`) an app's own
    scheme (OAuth 2.1 section 2.3.1, RFC 8252 section 7). Raises `Invalid`."""
    found = _parsed(text)
    pairs = re.split("[&;]", text.partition("?")[2])
    taken = ANSWER & {unquote_plus(pair.partition("=")[0]) for pair in pairs}
    if taken:
        raise _invalid(f"its query may not hold {min(taken)}, which the answer brings", text)
    if found.scheme == "https" or (found.scheme == "http" and found.host in LOOPBACK):
        return text
    if found.scheme == "http":
        raise _invalid("plain http is for 127.0.0.1, [::1] and localhost only; use https", text)
    if not private_schemes:
        raise _invalid("expected https, or http to a loopback host", text)
    return text


def matches(registered: Collection[str], presented: str) -> bool:
    """Equal to a registered URI character by character (RFC 9700 section 4.1.3), but for the port of http to a loopback
    host (RFC 8252 section 7.3). `registered` holds checked URIs."""
    if presented in registered:
        return True
    portless = _portless(presented)
    return portless is not None and any(_portless(uri) == portless for uri in registered)


def without_port(uri: str) -> str:
    """The URI, less its port if it is http to a loopback host: what stays the same from one use to the next."""
    portless = _portless(uri)
    return uri if portless is None else portless


def shown(uri: str) -> Redirect:
    """Raises `Invalid` for what is no redirect URI."""
    found = _parsed(uri)
    if found.scheme not in ("http", "https"):
        return Redirect(f"{found.scheme}:", loopback=False, private_scheme=True, international=False)
    return Redirect(
        found.host,
        loopback=_stays_here(found.host),
        private_scheme=False,
        international=any(label.startswith("xn--") for label in found.host.split(".")),
    )


def _portless(uri: str) -> str | None:
    """An http URI to a loopback host without its port; None for any other text. What follows the host is as it was."""
    match = _HTTP_LOOPBACK.match(uri)
    if match is None or not _port_fits(match["port"]):
        return None
    return match["place"] + uri[match.end() :]


def _parsed(text: str) -> _Parts:
    if len(text) > REDIRECT_CHARS_MAX:
        raise _invalid(f"more than {REDIRECT_CHARS_MAX} characters", text)
    match = _URI.match(text)
    if match is None:
        raise _invalid("expected SCHEME://HOST/PATH in the characters of RFC 3986, without a fragment", text)
    scheme, authority = match["scheme"], match["authority"]
    web = scheme in ("http", "https")
    if not web and scheme in NOT_PRIVATE:
        raise _invalid("this scheme is no app's own", text)
    if authority is None and (web or not match["path"]):
        raise _invalid("expected // and a host after the scheme, or for an app's own scheme a path", text)
    host = _host(authority, text) if authority is not None else ""
    # Escaped separators count as separators: some server behind the host will read them so.
    if {".", ".."} & set(re.split(r"[/\\]", unquote(match["path"]))):
        raise _invalid("the path may not hold . or .. as a segment", text)
    return _Parts(scheme, host)


def _host(authority: str, text: str) -> str:
    if "@" in authority:
        raise _invalid("a user or password is not accepted", text)
    match = _AUTHORITY.match(authority)
    if match is None or not _host_fits(match["host"]):
        raise _invalid("expected a host in lower case, without escapes or wildcards", text)
    if not _port_fits(match["port"]):
        raise _invalid("expected a port from 1 to 65535 without leading zeros", text)
    return match["host"]


def _host_fits(host: str) -> bool:
    if host.startswith("["):
        return _is_ipv6(host[1:-1])
    # WHATWG URL: a host whose last label is a number is an IPv4 address, however it is spelt. One spelling is taken.
    if _NUMERIC_LABEL.match(host.rsplit(".", 1)[-1]):
        return _IPV4.match(host) is not None
    return _NAME.match(host) is not None


def _is_ipv6(text: str) -> bool:
    try:
        address = IPv6Address(text)
    except ValueError:
        return False
    return str(address) == text and address.ipv4_mapped is None


def _stays_here(host: str) -> bool:
    """Wider than `LOOPBACK`, which is what may be registered with http: this is for a warning."""
    return host in LOOPBACK or host.endswith(".localhost") or (_IPV4.match(host) is not None and host[:4] == "127.")


def _port_fits(port: str | None) -> bool:
    return port is None or (_PORT.match(port) is not None and int(port) <= 65_535)


def _invalid(expected: str, found: str) -> Refusal:
    # Before an @ may stand a password.
    return refuse(Reason.INVALID_REDIRECT, expected if "@" in found else f"{expected}; found {found[:80]!r}")
