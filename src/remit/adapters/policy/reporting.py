"""What `remit policy check` says: faults, policies about nothing, and which arguments no policy can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remit.adapters.policy.loading import Fault
from remit.adapters.policy.sets import read_all
from remit.core.catalog import Catalog
from remit.core.policy_context import tenant_tools
from remit.core.policy_types import tool_type


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """`faults` refuse a set; `notes` do not. `unmapped` names, per tool, the arguments no policy can read, and why.

    `versions` are the digests a decision record names, by tenant; `policies` counts each tenant's own policies.
    """

    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    unmapped: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, str]
    policies: Mapping[str, int]


def report(policies_dir: Path, catalog: Catalog) -> PolicyReport:
    """Read and check every tenant's set without using any of it. Blocking."""
    sets, unknown = read_all(policies_dir, catalog)
    return PolicyReport(
        (*unknown, *(fault for loaded in sets.values() for fault in loaded.faults)),
        tuple(note for loaded in sets.values() for note in loaded.checked.notes),
        unmapped_arguments(catalog),
        {tenant: loaded.parsed.version for tenant, loaded in sets.items()},
        {tenant: sum(not policy.base for policy in loaded.parsed.policies) for tenant, loaded in sets.items()},
    )


def unmapped_arguments(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The arguments left out of the schema, by `server/tool`."""
    tenants = {tenant for server in catalog.servers.values() for tenant in server.tenants}
    tools = {name: tool for tenant in tenants for name, tool in tenant_tools(catalog, tenant).items()}
    left_out = {name: tuple(map(str, tool_type(tool.input_schema).unmapped)) for name, tool in sorted(tools.items())}
    return {name: unmapped for name, unmapped in left_out.items() if unmapped}
