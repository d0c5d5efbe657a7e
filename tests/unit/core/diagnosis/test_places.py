"""Where a client looks, in its order."""

from __future__ import annotations

from remit.core.diagnosis.places import resource_places, server_places


def test_the_resource_s_metadata_is_where_the_header_says_then_by_path_then_at_the_root() -> None:
    assert resource_places("https://a/x/mcp", "https://a/there") == [
        ("header", "https://a/there"),
        ("path", "https://a/.well-known/oauth-protected-resource/x/mcp"),
        ("root", "https://a/.well-known/oauth-protected-resource"),
    ]


def test_without_a_header_and_a_path_the_root_is_left() -> None:
    assert resource_places("https://a/", "") == [("root", "https://a/.well-known/oauth-protected-resource")]


def test_an_issuer_with_a_path_has_three_forms() -> None:
    assert server_places("https://as/tenant/") == [
        ("oauth, path inserted", "https://as/.well-known/oauth-authorization-server/tenant"),
        ("openid, path inserted", "https://as/.well-known/openid-configuration/tenant"),
        ("openid, path appended", "https://as/tenant/.well-known/openid-configuration"),
    ]


def test_an_issuer_without_a_path_has_two() -> None:
    assert [place for place, _ in server_places("https://as")] == ["oauth", "openid"]
