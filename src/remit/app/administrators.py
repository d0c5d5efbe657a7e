"""The `administrators` of `remit.yaml`: what types cannot say about them."""

from __future__ import annotations

from remit.app.sections import AdministratorSettings, Settings


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
    return problems


def _check_names(where: str, entry: AdministratorSettings, settings: Settings) -> list[str]:
    named = [(f"{where}.tenants", tenant) for tenant in entry.tenants]
    named += [(f"{where}.roles", tenant) for tenant in entry.roles] if isinstance(entry.roles, dict) else []
    problems = [f"{at}: {tenant!r} is not in tenants" for at, tenant in named if tenant not in settings.tenants]
    if entry.account and entry.account not in settings.accounts:
        problems.append(f"{where}.account: {entry.account!r} is not in accounts")
    return problems
