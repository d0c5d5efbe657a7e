"""The table of routes: every act is in it or says why not, and a path means what its bytes say."""

from __future__ import annotations

import pytest

from remit.app.acts.table import ACTS
from remit.core.act_words import WORDS
from remit.core.administration import AT_SOCKET_ALONE, RULES, Act
from remit.surfaces.admin.routes import PARAMETER_CHARS_MAX, ROUTES, SOCKET_ONLY, Paths


def test_every_act_is_routed_or_says_why_it_is_the_socket_s_alone() -> None:
    routed = [route.name for route in ROUTES]
    assert sorted([*routed, *SOCKET_ONLY]) == sorted(ACTS)
    assert all(SOCKET_ONLY.values())


def test_what_clients_may_do_is_what_is_routed() -> None:
    assert {route.act for route in ROUTES} == set(Act) - AT_SOCKET_ALONE


def test_every_act_has_words_for_the_person_who_lets_a_client_do_it() -> None:
    assert set(WORDS) == set(Act)
    assert len(set(WORDS.values())) == len(Act)


def test_what_only_reads_is_got_and_what_changes_is_posted() -> None:
    """A GET may be sent again, ahead or by a page; nothing may happen by one."""
    for route in ROUTES:
        assert route.method == "POST" or not RULES[route.act].changes
        assert (route.body is None) or route.method == "POST"


def test_no_two_routes_have_one_place() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize(
    ("path", "names", "arguments"),
    [
        (b"/v1/grants", {"grant.list", "grant.create"}, {}),
        (b"/v1/grants/grt_1/end", {"grant.end"}, {"grant": "grt_1"}),
        (b"/v1/accounts/a%40b%2Fc%20d/invitations", {"account.invite"}, {"account": "a@b/c d"}),
        (b"/v1/accounts/%E4%BD%A0/invitations", {"account.invite"}, {"account": "你"}),
        (b"/v1/records/head", {"audit.head"}, {}),
    ],
)
def test_a_path_is_found_with_its_arguments(path: bytes, names: set[str], arguments: dict[str, str]) -> None:
    found = Paths().find(path)
    assert found is not None
    assert {route.name for route in found.routes.values()} == names
    assert found.arguments == arguments


@pytest.mark.parametrize(
    "path",
    [
        b"/", b"/v1", b"/v1/", b"/v1/grants/", b"//v1/grants", b"/V1/grants", b"/v1/%67rants", b"/v1/grants/../servers",
        b"/v1/grants/grt_1", b"/v1/grants//end", b"/v1/grants/%ff/end", b"/v1/grants/x/end/", b"/mcp",
        b"/admin/v1/grants",
        b"/v1/grants/" + b"x" * (PARAMETER_CHARS_MAX + 1) + b"/end",
    ],
)  # fmt: skip
def test_any_other_path_is_nothing(path: bytes) -> None:
    assert Paths().find(path) is None
