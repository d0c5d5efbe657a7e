"""WWW-Authenticate: every challenge, exactly; and what a lenient client reads of one that is malformed."""

from __future__ import annotations

import pytest

from remit.core.diagnosis.challenge import Challenge, parse_challenges

HEALTHY = 'Bearer realm="x", resource_metadata="https://a/b?c=d,e", scope="one two"'


def test_a_challenge_is_read_with_commas_inside_its_quotes() -> None:
    found = parse_challenges([HEALTHY])
    assert found.problem == ""
    assert found.found == (
        Challenge("bearer", (("realm", "x"), ("resource_metadata", "https://a/b?c=d,e"), ("scope", "one two"))),
    )


@pytest.mark.parametrize(
    ("lines", "schemes"),
    [
        (["Bearer"], ["bearer"]),
        (["Basic realm=x, Bearer scope=y"], ["basic", "bearer"]),
        (["Negotiate", 'bEARER error="invalid_token"'], ["negotiate", "bearer"]),
        (["Negotiate YIIabc+/==, Bearer scope=a"], ["negotiate", "bearer"]),
        ([', ,Bearer , Basic realm = "x" ,'], ["bearer", "basic"]),
        (['Bearer realm="a\\"b", error="c"'], ["bearer"]),
        ([], []),
        ([""], []),
    ],
)
def test_each_challenge_of_each_line_is_found(lines: list[str], schemes: list[str]) -> None:
    found = parse_challenges(lines)
    assert ([challenge.scheme for challenge in found.found], found.problem) == (schemes, "")


def test_credentials_of_another_scheme_are_not_kept() -> None:
    assert parse_challenges(["Negotiate YIIsecret=="]).found == (Challenge("negotiate"),)


def test_a_quote_inside_quotes_is_read() -> None:
    bearer = parse_challenges(['Bearer realm="a\\"b"']).bearer
    assert bearer is not None
    assert bearer.parameter("realm") == 'a"b'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Bearer resource_metadata=https://a/b, scope=x", "is the value not quoted?"),
        ('Bearer realm="a" scope="b"', "expected a comma or the end"),
        ('Bearer realm="a", realm="b"', "realm comes twice"),
        ('Bearer realm="a', "expected the value of realm in quotes"),
        ("=", "expected an authentication scheme"),
        ('Bearer realm="a", "', "expected an authentication scheme"),
    ],
)
def test_what_leaves_the_grammar_is_told_where(line: str, problem: str) -> None:
    assert problem in parse_challenges([line]).problem


def test_of_an_unquoted_url_the_rest_is_read_as_lenient_clients_do() -> None:
    bearer = parse_challenges(["Bearer resource_metadata=https://a/b, scope=x"]).bearer
    assert bearer is not None
    assert (bearer.parameter("resource_metadata"), bearer.parameter("scope")) == ("https://a/b", "x")
    assert bearer.parameter("error") is None
