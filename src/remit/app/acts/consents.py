"""Acts about what people agreed to, and what administrators decide about that in advance."""

from __future__ import annotations

from typing import Any

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, client_id_of, scopes_of, text, texts, ttl_s_of
from remit.core.administration import Act, ActPermitted
from remit.core.client_document import URL_CHARS_MAX
from remit.core.consent import Consent, ConsentState
from remit.core.consent_rule import ConsentRule, RuleEffect
from remit.core.errors import refuse
from remit.core.grant import Calls, GrantEvent
from remit.core.grantbook import Selector
from remit.core.purposes import classify
from remit.core.reasons import Reason
from remit.core.scope import OneTool, Scope

APPROVAL_S_MAX = 28_800.0


async def list_consents(acting: Acting, arguments: Arguments) -> Answer:
    """Those that stand, of every person or of one: the registry as it is exported."""
    account, client = text(arguments, "user"), text(arguments, "client")
    detail = {"account": account[:256], "client": client[:URL_CHARS_MAX]}
    permitted = await acting.permit(Act.CONSENT_LIST, acting.tenants(Act.CONSENT_LIST), detail)
    now_s = acting.remit.files.clock.now_s()
    found = [
        consent
        for consent in acting.remit.authorize.consents.known.values()
        if consent.tenant in permitted.tenants
        and consent.state is ConsentState.ACTIVE
        and now_s < consent.expires_at_s
        and account in ("", consent.subject.id)
        and client in ("", consent.client_id)
    ]
    return {"consents": [_consent(each) for each in sorted(found, key=lambda each: each.given_at_s)]}


async def end_consent(acting: Acting, arguments: Arguments) -> Answer:
    """A consent of another tenant looks like none at all."""
    id = text(arguments, "consent")
    consent = acting.remit.authorize.consents.known.get(id)
    tenants = acting.administrator.tenants & ({consent.tenant} if consent else set())
    permitted = await acting.permit(Act.CONSENT_END, tenants or acting.tenants(Act.CONSENT_END), {"consent": id[:64]})
    with acting.refusals_recorded(permitted):
        if consent is None or not tenants or consent.state is not ConsentState.ACTIVE:
            raise refuse(Reason.INVALID_PARAMS, f"no consent {id[:80]!r} stands")
        ended = await acting.remit.own_grants.withdraw(consent, by=acting.administrator.name)
    return {"consent": id, "grants": ended, "decision_id": permitted.decision_id}


async def list_rules(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.CONSENT_RULES, acting.tenants(Act.CONSENT_RULES), {})
    known = acting.remit.consent_rules.known.values()
    found = [rule for rule in known if rule.tenant in permitted.tenants]
    return {"rules": [_rule(rule) for rule in sorted(found, key=lambda rule: rule.at_s)]}


async def approve(acting: Acting, arguments: Arguments) -> Answer:
    """In the name of everybody of the tenant, or of the accounts that are named."""
    permitted, tenant, client = await _about(acting, Act.CONSENT_APPROVE, arguments)
    with acting.refusals_recorded(permitted):
        registry = acting.remit.create_grant.registry
        scopes, ttl_s = scopes_of(arguments), ttl_s_of(arguments) or APPROVAL_S_MAX
        environment = text(arguments, "environment")
        if environment not in registry.environments:
            raise refuse(
                Reason.INVALID_PARAMS, f"environment: expected one of {', '.join(sorted(registry.environments))}"
            )
        if not scopes or not 1 <= ttl_s <= APPROVAL_S_MAX:
            raise refuse(Reason.INVALID_PARAMS, f"expected scopes, and a ttl_s of 1 to {APPROVAL_S_MAX:.0f}")
        accounts = texts(arguments, "users")
        for name in accounts:
            account = registry.accounts.get(name)
            if account is None or account.tenant != tenant:
                raise refuse(Reason.INVALID_PARAMS, f"no account {name[:80]!r} of {tenant}")
        purpose, _ = classify(text(arguments, "purpose"), text(arguments, "purpose_class"), registry.purposes)
        rule = ConsentRule(
            id=acting.remit.files.entropy.id("cru"), tenant=tenant, client=client, effect=RuleEffect.APPROVE,
            scopes=_texts_of(scopes), by=acting.administrator.name, at_s=acting.remit.files.clock.now_s(),
            accounts=tuple(accounts), environment=environment, purpose=purpose.text, purpose_class=purpose.klass,
            ttl_s=ttl_s,
        )  # fmt: skip
        await acting.remit.consent_rules.add(rule)
    return {**_rule(rule), "decision_id": permitted.decision_id}


async def forbid(acting: Acting, arguments: Arguments) -> Answer:
    """Nobody of the tenant can let the client use these servers, or any; what it may do there already ends."""
    permitted, tenant, client = await _about(acting, Act.CONSENT_FORBID, arguments)
    with acting.refusals_recorded(permitted):
        scopes = scopes_of(arguments)
        if any(isinstance(scope, OneTool) for scope in scopes):
            raise refuse(Reason.INVALID_PARAMS, "name whole servers: a single tool is for policies to forbid")
        rule = ConsentRule(
            id=acting.remit.files.entropy.id("cru"), tenant=tenant, client=client, effect=RuleEffect.FORBID,
            scopes=_texts_of(scopes), by=acting.administrator.name, at_s=acting.remit.files.clock.now_s(),
        )  # fmt: skip
        await acting.remit.consent_rules.add(rule)
        grants: list[str] = []
        for server in sorted({scope.server for scope in scopes}) or [""]:
            selector = Selector(client=client, server=server, tenant=tenant)
            acting.remit.authorize.void(selector, permitted.tenants)
            ended = await acting.remit.end_grant.end(
                selector, GrantEvent.REVOKE, tenants=permitted.tenants, by=acting.administrator.name
            )
            grants += ended.grants
    return {**_rule(rule), "grants": grants, "decision_id": permitted.decision_id}


async def drop(acting: Acting, arguments: Arguments) -> Answer:
    id = text(arguments, "rule")
    permitted = await acting.permit(Act.CONSENT_DROP, acting.tenants(Act.CONSENT_DROP), {"rule": id[:64]})
    with acting.refusals_recorded(permitted):
        rule = await acting.remit.consent_rules.drop(id, permitted.tenants, by=acting.administrator.name)
    return {**_rule(rule), "decision_id": permitted.decision_id}


async def _about(acting: Acting, act: Act, arguments: Arguments) -> tuple[ActPermitted, str, str]:
    """Permitted for one tenant, and about one client, which need not be there yet."""
    tenants, client = acting.tenants(act) or acting.administrator.tenants, client_id_of(arguments)
    tenant = text(arguments, "tenant") or (next(iter(tenants)) if len(tenants) == 1 else "")
    if not tenant:
        raise refuse(Reason.INVALID_PARAMS, "tenant: say for which of yours")
    return await acting.permit(act, frozenset({tenant}), {"client": client}), tenant, client


def _texts_of(scopes: frozenset[Scope]) -> tuple[str, ...]:
    return tuple(sorted(map(str, scopes)))


def _consent(consent: Consent) -> dict[str, Any]:
    return {
        "id": consent.id,
        "tenant": consent.tenant,
        "user": consent.subject.id,
        "client": consent.client_id,
        "redirect": consent.redirect,
        "resource": consent.resource,
        "scopes": _texts_of(consent.scopes),
        "constraints": len(consent.constraints),
        "calls_max": consent.budget.calls_max if isinstance(consent.budget, Calls) else None,
        "purpose": consent.purpose,
        "purpose_class": consent.purpose_class,
        "environment": consent.environment,
        "ttl_s": consent.ttl_s,
        "given_at_s": consent.given_at_s,
        "expires_at_s": consent.expires_at_s,
        "rule": consent.by,
    }


def _rule(rule: ConsentRule) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "tenant": rule.tenant,
        "client": rule.client,
        "effect": rule.effect.value,
        "scopes": list(rule.scopes),
        "users": list(rule.accounts),
        "environment": rule.environment,
        "purpose": rule.purpose,
        "purpose_class": rule.purpose_class,
        "ttl_s": rule.ttl_s,
        "by": rule.by,
        "at_s": rule.at_s,
    }
