"""The protected resource metadata, and the addresses clients are sent to."""

from __future__ import annotations

import pytest

from remit.core.diagnosis.causes import Verdict
from remit.core.diagnosis.evidence import Reach
from tests.scenes.diagnosis import (
    ISSUER,
    ORIGIN,
    URL,
    answered,
    judged,
    likely,
    possible,
    resource,
    said,
    server,
    verdict,
    with_,
)

NOWHERE = (said("path", f"{ORIGIN}/path", 404), said("root", f"{ORIGIN}/root", 404))


def test_missing_metadata_is_likely_with_what_each_place_answered() -> None:
    cause = judged("metadata_missing", with_(resource=NOWHERE, servers=(), issuer=""))
    assert (cause.verdict, cause.said) == (
        Verdict.LIKELY,
        "no protected resource metadata: path 404, root 404",
    )
    assert f"{ORIGIN}/path" in cause.next


def test_missing_metadata_is_possible_where_old_clients_find_a_server_all_the_same() -> None:
    evidence = with_(resource=NOWHERE, issuer=ORIGIN, servers=server(issuer=ORIGIN))
    assert verdict("metadata_missing", evidence) is Verdict.POSSIBLE


def test_an_open_server_needs_no_metadata() -> None:
    open_ = (answered("discover"), answered("initialize"))
    assert verdict("metadata_missing", with_(asked=open_, resource=NOWHERE)) is Verdict.RULED_OUT


@pytest.mark.parametrize(
    ("named", "at"),
    [
        ("https://internal.example/mcp", 8),
        ("http://mcp.example/mcp", 4),
        (f"{URL}2", 23),
        ("https://mcp.example/MCP", 20),
        ("https://mcp.example:443/mcp", 19),
        ("", 0),
    ],
)
def test_metadata_for_another_resource_is_likely_with_the_character_that_differs(named: str, at: int) -> None:
    cause = judged("resource_mismatch", with_(resource=resource(resource=named)))
    assert cause.verdict is Verdict.LIKELY
    assert [(each.expected, each.found, each.at) for each in cause.differences] == [(URL, named, at)]


@pytest.mark.parametrize("named", [f"{URL}/", ORIGIN, f"{ORIGIN}/"])
def test_a_slash_more_and_a_parent_are_possible_since_the_official_clients_take_them(named: str) -> None:
    evidence = with_(resource=resource(resource=named))
    assert (possible(evidence), likely(evidence)) == (["resource_mismatch"], ["token_audience"][:0])


def test_metadata_without_authorization_servers_is_likely() -> None:
    for servers in (None, [], "https://login.example"):
        evidence = with_(resource=resource(authorization_servers=servers), servers=(), issuer="")
        assert likely(evidence) == ["no_authorization_server"]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"resource": resource(authorization_servers=["http://login.example"])}, "authorization_servers"),
        ({"servers": server(token_endpoint="http://login.example/token")}, "token_endpoint"),
        ({"servers": server(registration_endpoint="http://login.example/register")}, "registration_endpoint"),
    ],
)
def test_plain_http_behind_https_is_likely_with_what_it_should_be(changed: dict, what: str) -> None:  # type: ignore[type-arg]
    cause = judged("advertised_insecure", with_(**changed))
    assert cause.verdict is Verdict.LIKELY
    (difference,) = cause.differences
    assert (difference.what, difference.expected) == (what, difference.found.replace("http:", "https:"))


@pytest.mark.parametrize(
    "url", ["login.example/token", "ftp://login.example/", "https://a:b@login.example/token", "/token"]
)
def test_what_is_no_https_url_is_likely(url: str) -> None:
    assert "advertised_insecure" in likely(with_(servers=server(token_endpoint=url)))


def test_http_to_this_machine_is_as_good_as_what_was_typed() -> None:
    local = "http://127.0.0.1:8000/token"
    assert verdict("advertised_insecure", with_(servers=server(token_endpoint=local))) is Verdict.LIKELY
    typed = with_(url="http://127.0.0.1:8000/mcp", servers=server(token_endpoint=local))
    assert verdict("advertised_insecure", typed) is Verdict.RULED_OUT


@pytest.mark.parametrize("reach", [Reach.INSIDE, Reach.NOWHERE])
def test_an_inside_or_unknown_host_is_likely_with_every_place_it_stands_in(reach: Reach) -> None:
    named = {"mcp.example": Reach.PUBLIC, "login.example": reach}
    cause = judged("advertised_inside", with_(reach=named))
    assert cause.verdict is Verdict.LIKELY
    assert {each.what for each in cause.differences} == {
        "authorization_servers", "issuer", "authorization_endpoint", "token_endpoint"
    }  # fmt: skip
    assert cause.differences[0].found == ISSUER


def test_an_inside_host_is_no_surprise_where_the_url_itself_is_inside() -> None:
    named = {"mcp.example": Reach.INSIDE, "login.example": Reach.INSIDE}
    assert verdict("advertised_inside", with_(reach=named)) is Verdict.RULED_OUT
    assert verdict("advertised_inside", with_(reach=named | {"login.example": Reach.NOWHERE})) is Verdict.LIKELY
