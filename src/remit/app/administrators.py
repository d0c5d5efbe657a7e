"""The `administrators` of `remit.yaml`: what types cannot say about them."""

from __future__ import annotations

from remit.app.sections import AdministratorSettings, Settings
from remit.core.administration import RULES, Act, Reach, Role
from remit.core.proposal import NEVER_WAITS


def check_administrators(settings: Settings) -> list[str]:
    problems: list[str] = []
    accounts = [entry.account for entry in settings.administrators.values() if entry.account]
    for name, entry in settings.administrators.items():
        where = f"administrators.{name}"
        problems += _check_names(where, entry, settings)
        if entry.uid is None and not entry.account:
            problems.append(f"{where}: expected uid, account or both; found neither")
        if accounts.count(entry.account) > 1:
            problems.append(f"{where}.account: {entry.account!r} is another administrator's too; one person, one entry")
        if isinstance(entry.roles, dict) and entry.tenants:
            problems.append(f"{where}.tenants: `roles` names its tenants itself; leave tenants out")
        if isinstance(entry.roles, list) and not entry.tenants:
            problems.append(f"{where}.tenants: say for which tenants the roles are held, or write roles by tenant")
    return problems + _check_second_person(settings)


def _check_second_person(settings: Settings) -> list[str]:
    """An act that waits for somebody who is not there would wait for ever."""
    problems: list[str] = []
    for act in settings.second_person:
        where = f"second_person: {act.value}"
        if not RULES[act].changes:
            problems.append(f"{where} changes nothing; leave it out")
        elif act in NEVER_WAITS:
            problems.append(f"{where} ends something or is about proposals; whoever sees harm stops it alone")
        else:
            problems += [
                f"{where}: only {one} could do it for {tenant}, and nobody confirm it; name another "
                "administrator with the role"
                for tenant, one in _alone(act, settings)
            ]
    return problems


def _alone(act: Act, settings: Settings) -> list[tuple[str, str]]:
    """Where fewer than two administrators hold a role that permits the act, and who does. An act about the process
    needs it for any tenant.
    """
    places = {tenant: [tenant] for tenant in settings.tenants}
    if RULES[act].reach is Reach.PROCESS:
        places = {"the process": list(settings.tenants)}
    found: list[tuple[str, str]] = []
    for place, tenants in places.items():
        holders = [
            name
            for name, entry in settings.administrators.items()
            if any(RULES[act].roles & _held(entry, tenant) for tenant in tenants)
        ]
        if len(holders) == 1 or not settings.administrators:
            found.append((place, holders[0] if holders else "the user Remit runs as"))
    return found


def _held(entry: AdministratorSettings, tenant: str) -> set[Role]:
    if isinstance(entry.roles, dict):
        return set(entry.roles.get(tenant, []))
    return set(entry.roles) if tenant in entry.tenants else set()


def _check_names(where: str, entry: AdministratorSettings, settings: Settings) -> list[str]:
    named = [(f"{where}.tenants", tenant) for tenant in entry.tenants]
    named += [(f"{where}.roles", tenant) for tenant in entry.roles] if isinstance(entry.roles, dict) else []
    problems = [f"{at}: {tenant!r} is not in tenants" for at, tenant in named if tenant not in settings.tenants]
    if entry.account and entry.account not in settings.accounts:
        problems.append(f"{where}.account: {entry.account!r} is not in accounts")
    return problems
