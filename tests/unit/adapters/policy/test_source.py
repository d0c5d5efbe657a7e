"""Cedar text is divided where Cedar itself ends a policy."""

from __future__ import annotations

import pytest
from cedarpy import PolicySet

from remit.adapters.policy.source import anatomy, divide, split

AWKWARD = """// a comment; with a semicolon "and a quote

@id("one;two") // another ; comment
permit (principal, action, resource) when { context.purpose.text == "a;b\\"; // no comment" };
forbid (principal, action, resource);  permit (principal, action, resource)
  unless { true }
;
// the end;
"""


def test_each_policy_is_found_with_the_line_it_starts_on() -> None:
    found = divide(AWKWARD, "a.cedar")
    assert [policy.line for policy in found] == [3, 5, 5]
    assert len(PolicySet.from_str(AWKWARD)) == len(found)
    assert all(len(PolicySet.from_str(policy.text)) == 1 for policy in found)


@pytest.mark.parametrize("text", ["", "// only a comment;\n", "  \n"])
def test_a_file_without_policies_has_none(text: str) -> None:
    assert divide(text, "a.cedar") == []


@pytest.mark.parametrize("text", ["permit (principal", 'permit (principal, action, resource) when { "unfinished', ";"])
def test_broken_text_is_kept_so_that_the_parser_can_refuse_it(text: str) -> None:
    (found,) = divide(text, "a.cedar")
    with pytest.raises(ValueError, match=r"."):
        PolicySet.from_str(found.text)


def test_a_policy_is_taken_apart_into_scope_and_conjuncts() -> None:
    parts = anatomy(
        '@id("x") permit (principal in Role::"a", action in [Action::"b", Action::"c"], resource) '
        'when { context.interactive && (context.era == "modern" || true) // why && not\n } '
        'unless { principal.subject == "&&" };'
    )
    assert parts is not None
    assert (parts.principal, parts.action) == ('principal in Role::"a"', 'action in [Action::"b", Action::"c"]')
    assert [condition.text for condition in parts.conditions] == [
        "context.interactive",
        '(context.era == "modern" || true)',
        'unless { principal.subject == "&&" }',
    ]
    assert parts.conditions[2].expression == '!(principal.subject == "&&")'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a && b", ["a", "b"]),
        ("a && b || c", None),
        ("if a then b else c && d", None),
        ('"a && b"', ['"a && b"']),
        ("(a || b) && c", ["(a || b)", "c"]),
    ],
)
def test_conjuncts_are_split_only_where_nothing_binds_weaker(text: str, parts: list[str] | None) -> None:
    assert split(text, "&&") == parts
