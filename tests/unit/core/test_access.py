"""Stages 4 and 6: what resolves, what a verdict is turned into. Absence denies at every turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.access import (
    OBSERVED,
    AccessRequest,
    DeniedByPolicy,
    Effect,
    Permitted,
    PolicyRef,
    Resolved,
    Target,
    TargetKind,
    UnknownArguments,
    Verdict,
    conclude,
    require_consent,
    resolve,
)
from remit.core.authentication import NOBODY, PASSKEY, PASSWORD, Acr, Authentication, Demand
from remit.core.catalog import Drift, Enforce, Era, Item, ItemKind, Mode, Observe, Server, Tool
from remit.core.errors import Denied
from remit.core.grant import Origin, bind
from remit.core.principals import Claims, conclude_authenticated
from remit.core.reasons import Reason
from remit.core.request import Endpoint, McpRequest
from remit.core.scope import OneTool, WholeServer
from tests.scenes.grant import RESOURCE, a_grant, a_live_grant

PERMIT = PolicyRef("engineers", "files.cedar", 3)
FORBID = PolicyRef("no-secrets", "base.cedar", 7)
BASE = PolicyRef("base-forbid", "base.cedar", 1, base=True)
TOOL = Tool(ItemKind.TOOL, "files", "read_file", b"{}", "d", validate=lambda arguments: None)


def server(mode: Mode | None = None, **changes: Any) -> Server:
    given: dict[str, Any] = {
        "name": "files",
        "tenants": frozenset({"acme"}),
        "environment": "dev",
        "owner": "platform",
        "mode": mode or Enforce(),
        "credential": "none",
        "stateful": True,
        "eras": frozenset({Era.MODERN}),
        "items": {(ItemKind.TOOL, "read_file"): TOOL},
        "withheld": {},
        "discovery": {},
        "versions": {},
    }
    return Server(**(given | changes))


def resolved(to: Server | None = None, item: Item | None = TOOL, name: str = "read_file", **grant: Any) -> Resolved:
    live = a_live_grant(**grant)
    given = live.grant
    claims = Claims(
        "iss",
        given.subject.id,
        given.client_id,
        given.id,
        given.tenant,
        RESOURCE,
        "jti",
        1000,
        1000,
        2000,
        given.actors,
    )
    bound = bind(
        conclude_authenticated(claims, issuer="iss", resource=RESOURCE, now_s=1001, leeway_s=0), live, monotonic_s=1
    )
    request = McpRequest(b"1", "tools/call", {"name": name}, Era.MODERN, "2026-07-28", Endpoint("files", RESOURCE))
    return resolve(require_consent(bound), request, to or server(), Target(TargetKind.TOOL, name), item)


def asked(to: Server | None = None) -> AccessRequest:
    return AccessRequest(resolved(to), "files/read_file", {}, now_s=1001.0)


def verdict(effect: Effect, *determining: PolicyRef, errors: tuple[str, ...] = (), version: str = "v1") -> Verdict:
    return Verdict(effect, determining, version, errors)


def reason_of(to: Server | None = None, **changes: Any) -> Reason:
    with pytest.raises(Denied) as caught:
        resolved(to, **changes)
    return caught.value.reason


def test_a_tool_within_tenant_environment_and_scope_resolves() -> None:
    assert resolved().item is TOOL


def test_another_tenants_server_is_denied() -> None:
    assert reason_of(server(tenants=frozenset({"globex"}))) is Reason.TENANT_MISMATCH


def test_another_environments_server_is_denied() -> None:
    assert reason_of(server(environment="prod")) is Reason.ENVIRONMENT_MISMATCH


def test_a_tool_outside_the_scopes_is_denied() -> None:
    assert reason_of(scopes=frozenset({OneTool("files", "write_file")})) is Reason.OUTSIDE_GRANT
    assert resolved(scopes=frozenset({OneTool("files", "read_file")}))
    assert resolved(scopes=frozenset({WholeServer("files")}))


def test_an_unknown_tool_and_a_withheld_one_are_told_apart() -> None:
    assert reason_of(item=None) is Reason.TOOL_UNKNOWN
    held = server(withheld={(ItemKind.TOOL, "read_file"): Drift.CHANGED})
    assert reason_of(held, item=None) is Reason.DEFINITION_CHANGED


def test_a_high_risk_tool_needs_a_grant_that_says_so() -> None:
    risky = Tool(ItemKind.TOOL, "files", "read_file", b"{}", "d", validate=lambda arguments: None, high_risk=True)
    assert reason_of(item=risky) is Reason.HIGH_RISK_REFUSED
    assert resolved(item=risky, high_risk=True)


def test_a_grant_of_unknown_origin_has_no_consent() -> None:
    assert a_grant().origin.how == "administration"
    with pytest.raises(Denied) as caught:
        resolved(origin=Origin("found on the street", "nobody"))
    assert caught.value.reason is Reason.CONTEXT_MISSING


def test_an_explicit_permit_permits() -> None:
    permitted = conclude(asked(), verdict(Effect.PERMIT, PERMIT))
    assert isinstance(permitted, Permitted)
    assert permitted.determining == (PERMIT,)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (verdict(Effect.FORBID, FORBID), Reason.POLICY_FORBID),
        (verdict(Effect.NO_PERMIT), Reason.POLICY_NO_PERMIT),
        (verdict(Effect.ERROR), Reason.POLICY_ERROR),
        (verdict(Effect.PERMIT, PERMIT, errors=("policy1 failed",)), Reason.POLICY_ERROR),
        (verdict(Effect.PERMIT), Reason.POLICY_ERROR),
        (verdict(Effect.PERMIT, PERMIT, version=""), Reason.POLICY_UNAVAILABLE),
        (verdict(Effect.ERROR, version=""), Reason.POLICY_UNAVAILABLE),
    ],
)
def test_anything_but_an_explicit_permit_by_a_named_policy_of_a_known_version_denies(
    found: Verdict, reason: Reason
) -> None:
    with pytest.raises(DeniedByPolicy) as caught:
        conclude(asked(), found)
    assert caught.value.reason is reason
    assert caught.value.verdict is found


def test_observe_mode_permits_visibly_and_keeps_the_candidate() -> None:
    found = verdict(Effect.NO_PERMIT)
    permitted = conclude(asked(server(Observe(until_s=2000.0))), found)
    assert permitted.determining == (OBSERVED,)
    assert permitted.candidate is found


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (verdict(Effect.ERROR), Reason.POLICY_ERROR),
        (verdict(Effect.NO_PERMIT, errors=("policy1 failed",)), Reason.POLICY_ERROR),
        (verdict(Effect.PERMIT), Reason.POLICY_ERROR),
        (verdict(Effect.ERROR, version=""), Reason.POLICY_UNAVAILABLE),
    ],
)
def test_observe_mode_does_not_override_an_error(found: Verdict, reason: Reason) -> None:
    with pytest.raises(DeniedByPolicy) as caught:
        conclude(asked(server(Observe(until_s=2000.0))), found)
    assert caught.value.reason is reason


def test_observe_mode_ends_by_itself() -> None:
    with pytest.raises(DeniedByPolicy):
        conclude(asked(server(Observe(until_s=1001.0))), verdict(Effect.NO_PERMIT))


def test_observe_mode_does_not_override_a_forbid_shipped_with_remit() -> None:
    with pytest.raises(DeniedByPolicy):
        conclude(asked(server(Observe(until_s=2000.0))), verdict(Effect.FORBID, BASE))


# how the person signed in -----------------------------------------------------------------------------------------
DEMANDING = replace(TOOL, demand=Demand(Acr.PASSKEY, 600.0))
NOW_S = 1001.0


def demanded(found: Authentication, arguments: Any = None, mode: Mode | None = None) -> AccessRequest:
    target = resolved(server(mode), DEMANDING, authentication=found)
    return AccessRequest(target, "files/read_file", {} if arguments is None else arguments, NOW_S)


@pytest.mark.parametrize(
    ("methods", "age_s", "refused"),
    [
        (PASSKEY, 0.0, None),
        (PASSKEY, 600.0, None),
        ((*PASSWORD, *PASSKEY), 1.0, None),
        (PASSKEY, 601.0, Reason.STEP_UP_REQUIRED),
        (PASSKEY, -1.0, Reason.STEP_UP_REQUIRED),
        (PASSWORD, 0.0, Reason.STEP_UP_REQUIRED),
        ((), 0.0, Reason.CONTEXT_MISSING),
    ],
)
@pytest.mark.parametrize("mode", [Enforce(), Observe(2000.0)])
def test_a_tool_that_demands_a_sign_in_is_permitted_to_whoever_signed_in_like_that(
    methods: tuple[str, ...], age_s: float, refused: Reason | None, mode: Mode
) -> None:
    access = demanded(Authentication(methods, NOW_S - age_s), mode=mode)
    answer = verdict(Effect.PERMIT, PERMIT) if isinstance(mode, Enforce) else verdict(Effect.NO_PERMIT)
    if refused is None:
        assert conclude(access, answer)
        return
    with pytest.raises(Denied) as caught:
        conclude(access, answer)
    assert caught.value.reason is refused
    if refused is Reason.STEP_UP_REQUIRED:
        assert caught.value.data == {"acr_values": "urn:remit:acr:passkey", "max_age": 600}


def test_what_policy_denies_asks_nobody_to_sign_in() -> None:
    with pytest.raises(DeniedByPolicy) as caught:
        conclude(demanded(Authentication(PASSWORD, NOW_S)), verdict(Effect.NO_PERMIT))
    assert caught.value.reason is Reason.POLICY_NO_PERMIT


def test_a_list_shows_a_tool_that_demands_a_sign_in() -> None:
    """Else no client would call it, and nobody would be asked."""
    assert conclude(demanded(NOBODY, UnknownArguments()), verdict(Effect.PERMIT, PERMIT))
