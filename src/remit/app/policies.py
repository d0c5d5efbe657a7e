"""Policies read and tested without a server."""

from __future__ import annotations

from typing import Any

from remit.adapters.policy.loading import BASE_DIR, Fault
from remit.adapters.policy.sets import Loaded, read_all
from remit.app.settings import Configuration
from remit.core.catalog import Catalog

NOTHING_OFFERED = Catalog(0, {}, {})


def check_policies(configuration: Configuration) -> dict[str, Any]:
    """What is wrong with each tenant's files, as far as it shows without knowing what servers offer."""
    found = read_all(configuration.policies_dir, NOTHING_OFFERED)
    tenants = {tenant: _told(found[tenant]) for tenant in sorted(found)}
    for tenant in configuration.settings.tenants:
        tenants.setdefault(tenant, {"version": "", "policies": 0, "problems": []})
    for tenant in tenants.keys() - set(configuration.settings.tenants):
        stray = Fault(tenant, 0, "no tenant of this name is in the configuration; nothing reads this folder")
        tenants[tenant]["problems"] = [*tenants[tenant]["problems"], _fault(stray)]
    return {"tenants": tenants}


def _told(loaded: Loaded) -> dict[str, Any]:
    own = [policy for policy in loaded.parsed.policies if not policy.source.file.startswith(f"{BASE_DIR.name}/")]
    return {
        "version": loaded.parsed.version,
        "policies": len(own),
        "problems": [_fault(fault) for fault in loaded.faults],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {"file": fault.file, "line": fault.line, "message": fault.message}
