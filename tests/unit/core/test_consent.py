"""A consent stands for the question it answered and for less, for nothing wider and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.consent import TRANSITIONS, ConsentEvent, ConsentState, after, covers
from remit.core.errors import Invalid
from remit.core.principals import Principal, PrincipalKind
from remit.core.scope import OneTool, ToolName, WholeServer, constraint
from tests.scenes.consent import QUESTION, READ, a_consent, a_question

SRV = constraint(READ, "path", "prefix", ["/srv"])
SRV_A = constraint(READ, "path", "prefix", ["/srv/a"])
TEN = constraint(READ, "n", "at_most", [10])


def covered(**changes: Any) -> bool:
    return covers(a_consent(), a_question(**changes), now_s=2000.0)


@pytest.mark.parametrize(
    "less",
    [
        {}, {"redirect": "http://127.0.0.1/cb"}, {"redirect": "http://127.0.0.1:7/cb"}, {"ttl_s": 1.0},
        {"scopes": frozenset({OneTool("files", "read_file")})}, {"scopes": frozenset({WholeServer("files")})},
        {"constraints": frozenset({SRV, TEN})}, {"constraints": frozenset({SRV_A})},
        {"constraints": frozenset({constraint(READ, "path", "equals", ["/srv/a"])})},
    ],
)  # fmt: skip
def test_the_same_question_and_a_narrower_one_are_covered(less: dict[str, Any]) -> None:
    assert covered(**less)


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "globex"}, {"client_id": "editor2"}, {"environment": "prod"}, {"purpose_class": ""},
        {"purpose_class": "releasing"}, {"resource": "http://remit.test/mcp/files"},
        {"subject": Principal(PrincipalKind.HUMAN, "operator")},
        {"subject": Principal(PrincipalKind.CLIENT, "engineer")},
        {"subject": Principal(PrincipalKind.HUMAN, "engineer", "https://idp.test")},
        {"redirect": "http://127.0.0.1:50123/cb2"}, {"redirect": "http://localhost:50123/cb"},
        {"redirect": "https://127.0.0.1/cb"}, {"redirect": "http://127.0.0.1:0/cb"}, {"redirect": "http://127.0.0.1/cb?"},
    ],
)  # fmt: skip
def test_another_question_is_not_covered(other: dict[str, Any]) -> None:
    assert not covered(**other)


@pytest.mark.parametrize(
    "more",
    [
        {"scopes": QUESTION.scopes | {WholeServer("git")}}, {"scopes": frozenset({OneTool("git", "git_diff")})},
        {"scopes": frozenset()}, {"constraints": frozenset()}, {"constraints": frozenset({TEN})},
        {"constraints": frozenset({constraint(READ, "path", "prefix", ["/"])})},
        {"constraints": frozenset({constraint(ToolName("files", "write_file"), "path", "prefix", ["/srv"])})},
        {"ttl_s": 900.5}, {"ttl_s": float("inf")}, {"ttl_s": float("nan")}, {"ttl_s": 0.0}, {"ttl_s": -1.0},
    ],
)  # fmt: skip
def test_a_wider_question_is_not_covered(more: dict[str, Any]) -> None:
    assert not covered(**more)


def test_a_limit_of_another_json_type_is_another_limit() -> None:
    true, one = (frozenset({constraint(READ, "all", "equals", [value])}) for value in (True, 1))
    assert covers(a_consent(constraints=true), a_question(constraints=true), now_s=2000.0)
    assert not covers(a_consent(constraints=true), a_question(constraints=one), now_s=2000.0)


@pytest.mark.parametrize(
    ("now_s", "in_time"), [(999.9, False), (1000.0, True), (8999.9, True), (9000.0, False), (float("nan"), False)]
)
def test_a_consent_counts_from_when_it_was_given_until_it_expires(now_s: float, in_time: bool) -> None:
    assert covers(a_consent(), a_question(), now_s=now_s) is in_time


@pytest.mark.parametrize("state", list(ConsentState))
def test_only_an_active_consent_covers(state: ConsentState) -> None:
    assert covers(a_consent(state=state), a_question(), now_s=2000.0) is (state is ConsentState.ACTIVE)


@pytest.mark.parametrize("state", list(ConsentState))
@pytest.mark.parametrize("event", list(ConsentEvent))
def test_a_consent_ends_once_and_as_the_table_says(state: ConsentState, event: ConsentEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert after(a_consent(state=state), event) == a_consent(state=TRANSITIONS[state, event])
    else:
        with pytest.raises(Invalid, match=f"is {state} already"):
            after(a_consent(state=state), event)


def test_a_yes_keeps_the_place_on_the_device_and_not_the_port_of_the_day() -> None:
    assert a_consent().redirect == "http://127.0.0.1/cb"
    assert QUESTION.redirect == "http://127.0.0.1:50123/cb"
