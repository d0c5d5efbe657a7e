"""A consent covers what is narrower in any dimension and nothing that is wider or other in a single one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remit.core.consent import Consent, ConsentEvent, ConsentState, Question, after, covers
from remit.core.consent import given as consent_given
from remit.core.grant import Budget, Calls, Unmetered
from remit.core.principals import Principal, PrincipalKind
from remit.core.redirects import without_port
from remit.core.scope import Constraint, OneTool, Scope, ToolName, WholeServer, as_strict
from remit.core.scope import covers as scopes_cover
from remit.core.stored_consent import from_stored, to_stored
from tests.scenes.consent import asking_for_all_of

SERVERS, TOOLS, ARGUMENTS = ("files", "git"), ("read", "write", "log"), ("path", "n")
VALUES = st.sampled_from(["/srv", "/srv/a", "/srv-b", "/", "a", 1, 1.0, 5, 9, True, False, -1])
CHECKS = st.one_of(
    st.tuples(st.sampled_from(["equals", "prefix", "at_most", "at_least"]), st.tuples(VALUES)),
    st.tuples(st.just("one_of"), st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
)
LIMIT = st.builds(
    lambda server, tool, argument, check: Constraint(ToolName(server, tool), argument, *check),
    st.sampled_from(SERVERS), st.sampled_from(TOOLS), st.sampled_from(ARGUMENTS), CHECKS,
)  # fmt: skip
SCOPE: st.SearchStrategy[Scope] = st.one_of(
    st.builds(WholeServer, st.sampled_from(SERVERS)),
    st.builds(OneTool, st.sampled_from(SERVERS), st.sampled_from(TOOLS)),
)
REDIRECTS = (
    "https://app.example/cb",
    "https://app.example:8443/cb",
    "http://127.0.0.1/cb",
    "http://localhost/cb",
    "app:/cb",
)
SUBJECTS = st.builds(
    Principal,
    st.sampled_from(list(PrincipalKind)),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "https://idp.test"]),
)
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "tenant": st.sampled_from(["acme", "globex", ""]),
    "subject": SUBJECTS,
    "client_id": st.sampled_from(["editor", "https://client.example/id", ""]),
    "redirect": st.sampled_from(REDIRECTS),
    "resource": st.sampled_from(["https://remit.test/mcp", "https://remit.test/mcp/files"]),
    "purpose_class": st.sampled_from(["", "tidying"]),
    "environment": st.sampled_from(["dev", "prod"]),
}
BUDGETS: st.SearchStrategy[Budget] = st.one_of(st.just(Unmetered()), st.builds(Calls, st.integers(1, 100)))
QUESTIONS = st.builds(
    Question, **OTHERS, purpose=st.sampled_from(["look around", "tidy up"]), budget=BUDGETS,
    scopes=st.frozensets(SCOPE, min_size=1, max_size=4), constraints=st.frozensets(LIMIT, max_size=4),
    ttl_s=st.floats(1, 1e6),
)  # fmt: skip
NOW_S = 5000.0
CONSENTS = st.builds(
    lambda question, given_s, expires_s: consent_given(question, id="csn_1", now_s=given_s, expires_at_s=expires_s),
    QUESTIONS, st.floats(0, NOW_S), st.floats(NOW_S + 1, 1e9),
)  # fmt: skip
CALLS = st.tuples(
    st.sampled_from(SERVERS), st.sampled_from(TOOLS), st.dictionaries(st.sampled_from(ARGUMENTS), VALUES, max_size=2)
)


def stands(consent: Consent, question: Question) -> bool:
    return covers(consent, question, now_s=NOW_S)


@given(CONSENTS, st.data())
def test_what_was_agreed_to_and_less_is_covered(consent: Consent, data: st.DataObject) -> None:
    question = asking_for_all_of(consent)
    assert stands(consent, question)
    whole = sorted(consent.scopes, key=str)
    fewer = frozenset(data.draw(st.lists(st.sampled_from(whole), min_size=1)))
    inside = frozenset(
        OneTool(scope.server, data.draw(st.sampled_from(TOOLS))) if isinstance(scope, WholeServer) else scope
        for scope in fewer
    )
    redirect = question.redirect
    if redirect.startswith("http:"):
        redirect = redirect.replace("/cb", f":{data.draw(st.integers(1, 65_535))}/cb")
    less: dict[str, Any] = {
        "scopes": data.draw(st.sampled_from([fewer, inside, fewer | inside])),
        "constraints": consent.constraints | data.draw(st.frozensets(LIMIT, max_size=3)),
        "ttl_s": data.draw(st.floats(0.5, consent.ttl_s)),
        "redirect": redirect,
    }
    for name, value in less.items():
        assert stands(consent, replace(question, **{name: value}))
    assert stands(consent, replace(question, **less))


@given(CONSENTS, st.sampled_from(sorted(OTHERS)), st.data())
def test_whoever_or_whatever_else_asks_is_not_covered(consent: Consent, name: str, data: st.DataObject) -> None:
    question = asking_for_all_of(consent)
    other = data.draw(OTHERS[name].filter(lambda value: value != getattr(question, name)))
    assert not stands(consent, replace(question, **{name: other}))
    assert stands(consent, question)


@given(CONSENTS, SCOPE)
def test_a_scope_beyond_the_consent_is_not_covered(consent: Consent, scope: Scope) -> None:
    question = asking_for_all_of(consent)
    tool = scope.tool if isinstance(scope, OneTool) else None
    beyond = not scopes_cover(consent.scopes, scope.server, tool)
    assert stands(consent, replace(question, scopes=question.scopes | {scope})) == (not beyond)


@given(CONSENTS.filter(lambda consent: bool(consent.constraints)), st.data())
def test_a_limit_left_out_or_loosened_is_not_covered(consent: Consent, data: st.DataObject) -> None:
    question = asking_for_all_of(consent)
    left_out = data.draw(st.sampled_from(sorted(consent.constraints, key=repr)))
    rest = question.constraints - {left_out}
    assert stands(consent, replace(question, constraints=rest)) == as_strict(rest, frozenset({left_out}))
    elsewhere = frozenset(limit for limit in rest if limit.argument != left_out.argument)
    assert not stands(consent, replace(question, constraints=elsewhere))


@given(CONSENTS, BUDGETS)
def test_more_calls_are_not_covered_and_fewer_are(consent: Consent, budget: Budget) -> None:
    covered = covers(consent, replace(asking_for_all_of(consent), budget=budget), now_s=NOW_S)
    allowed = consent.budget.calls_max if isinstance(consent.budget, Calls) else float("inf")
    assert covered is ((budget.calls_max if isinstance(budget, Calls) else float("inf")) <= allowed)


@given(CONSENTS)
def test_another_purpose_is_covered_within_its_class_only(consent: Consent) -> None:
    asked = replace(asking_for_all_of(consent), purpose="something else")
    assert covers(consent, asked, now_s=NOW_S) is bool(consent.purpose_class)


@given(CONSENTS, st.floats(min_value=0, allow_infinity=True, exclude_min=True))
def test_a_longer_time_is_not_covered(consent: Consent, more_s: float) -> None:
    question = asking_for_all_of(consent)
    longer_s = consent.ttl_s + more_s
    assert stands(consent, replace(question, ttl_s=longer_s)) == (longer_s == consent.ttl_s)


@given(CONSENTS, st.floats(allow_nan=False), st.sampled_from(list(ConsentEvent)))
def test_a_consent_that_is_over_covers_nothing(consent: Consent, now_s: float, event: ConsentEvent) -> None:
    question = asking_for_all_of(consent)
    in_time = consent.given_at_s <= now_s < consent.expires_at_s
    assert covers(consent, question, now_s=now_s) == in_time
    assert not covers(after(consent, event), question, now_s=now_s)


@given(CONSENTS, QUESTIONS, CALLS)
def test_what_a_covered_question_permits_the_consent_permits(
    consent: Consent, question: Question, call: tuple[str, str, dict[str, Any]]
) -> None:
    same = {name: getattr(consent, name) for name in OTHERS}
    asked = replace(question, **same, ttl_s=min(question.ttl_s, consent.ttl_s))
    if stands(consent, asked):
        assert permits(consent, *call) or not permits(asked, *call)
    if stands(consent, question):
        assert all(getattr(question, name) == value for name, value in same.items() if name != "redirect")
        assert without_port(question.redirect) == consent.redirect
        assert question.ttl_s <= consent.ttl_s


def permits(of: Consent | Question, server: str, tool: str, arguments: dict[str, Any]) -> bool:
    limits = [limit for limit in of.constraints if limit.tool == ToolName(server, tool)]
    return scopes_cover(of.scopes, server, tool) and all(limit.allows(arguments) for limit in limits)


@given(st.frozensets(LIMIT, max_size=4), st.frozensets(LIMIT, max_size=2), CALLS)
def test_stricter_limits_allow_nothing_that_looser_ones_refuse(
    limits: frozenset[Constraint], bounds: frozenset[Constraint], call: tuple[str, str, dict[str, Any]]
) -> None:
    arguments = call[2]
    if as_strict(limits, bounds) and all(limit.allows(arguments) for limit in limits):
        assert all(bound.allows(arguments) for bound in bounds)


@given(CONSENTS, st.sampled_from(list(ConsentState)))
def test_the_store_changes_nothing(consent: Consent, state: ConsentState) -> None:
    stored = replace(consent, state=state)
    assert from_stored(to_stored(stored)) == stored
