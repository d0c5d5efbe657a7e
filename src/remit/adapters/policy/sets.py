"""Which policies stand for which tenant, held against the catalog of the moment.

A set is taken over whole or refused whole, and a fault in one tenant's set denies that tenant only. When the catalog
changes, a set is checked again off the event loop: a policy that no longer fits denies what it applies to, and an
alarm says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from remit.adapters.policy.checking import check
from remit.adapters.policy.loading import SHADOW, Fault, Parsed, base_files, load_tenant, parse, tenants_in
from remit.adapters.policy.slices import PolicyIndex
from remit.core.catalog import Catalog, Tool
from remit.core.policy_context import Vocabulary, tenant_tools, vocabulary
from remit.core.policy_types import ToolType

TYPES_MAX = 50_000


def _in_shadow(fault: Fault) -> bool:
    return f"/{SHADOW}/" in fault.file


class Loaded:
    """One tenant's set against one catalog. With a fault in a shadow file the shadow policies are left out; with a
    fault in an enforced file the set is not `usable`: an incomplete set may lack a forbid.
    """

    __slots__ = ("checked", "epoch", "faults", "index", "parsed", "usable", "words")

    def __init__(self, parsed: Parsed, words: Vocabulary, epoch: int) -> None:
        shadow_at_fault = any(_in_shadow(fault) for fault in parsed.faults)
        policies = tuple(policy for policy in parsed.policies if not (policy.shadow and shadow_at_fault))
        self.parsed = parsed
        self.words = words
        self.epoch = epoch
        self.index = PolicyIndex(policies)
        self.usable = all(_in_shadow(fault) for fault in parsed.faults)
        self.checked = check(policies, words)
        self.faults: tuple[Fault, ...] = (*parsed.faults, *self.checked.faults.values())

    def fits(self, tools: dict[str, Tool]) -> bool:
        """Whether the tenant's tools are the ones this set was checked against."""
        mine = self.words.tools
        return mine.keys() == tools.keys() and all(mine[name].digest == tool.digest for name, tool in tools.items())


def read_all(
    policies_dir: Path, catalog: Catalog, before: Mapping[str, Loaded] | None = None
) -> tuple[dict[str, Loaded], tuple[Fault, ...]]:
    """Every tenant's set, read and checked, and what keeps anybody from knowing the tenants. What has not changed since
    `before` is not checked again. Blocking.
    """
    types: dict[str, ToolType] = {}
    found: dict[str, Loaded] = {}
    tenants, unknown = tenants_in(policies_dir)
    for tenant in tenants:
        old = (before or {}).get(tenant)
        parsed = load_tenant(policies_dir, tenant, old.parsed if old else None)
        if old and parsed is old.parsed and not old.faults and old.fits(tenant_tools(catalog, tenant)):
            found[tenant] = old
        else:
            found[tenant] = stand(parsed, catalog, types)
    return found, tuple(unknown)


def stand(parsed: Parsed, catalog: Catalog, types: dict[str, ToolType]) -> Loaded:
    """Hold one set against a catalog. `types` are argument types by definition digest; what is new is added."""
    words = vocabulary(catalog, parsed.tenant, types)
    if len(types) > TYPES_MAX:
        types.clear()
    types.update({tool.digest: words.types[name] for name, tool in words.tools.items()})
    return Loaded(parsed, words, catalog.epoch)


class PolicySets:
    """The sets in use, by tenant."""

    def __init__(self, policies_dir: Path, catalog: Callable[[], Catalog], alarm: Callable[[str], None]) -> None:
        self._dir = policies_dir
        self._catalog = catalog
        self._alarm = alarm
        self._sets: dict[str, Loaded] = {}
        self._unknown: tuple[Fault, ...] = ()
        self._types: dict[str, ToolType] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> tuple[Fault, ...]:
        """The first load: a tenant whose set is at fault is denied everything until a reload succeeds; others are
        served.
        """
        async with self._changing:
            found, unknown = await asyncio.to_thread(read_all, self._dir, self._catalog())
            for loaded in found.values():
                loaded.usable = all(_in_shadow(fault) for fault in loaded.faults)
            self._sets, self._unknown = found, unknown
        return (*unknown, *(fault for loaded in found.values() for fault in loaded.faults))

    async def reload(self) -> tuple[Fault, ...]:
        """Take over what the files say now. With any fault nothing is taken over: the faults are returned and every
        tenant keeps the set it has.
        """
        async with self._changing:
            found, unknown = await asyncio.to_thread(read_all, self._dir, self._catalog(), self._sets)
            faults = (*unknown, *(fault for loaded in found.values() for fault in loaded.faults))
            if not faults:
                self._sets, self._unknown = found, ()
        return faults

    def find(self, tenant: str) -> Loaded | None:
        """The tenant's set, if it was held against the catalog of this moment."""
        loaded = self._sets.get(tenant)
        if loaded is None:
            return None
        catalog = self._catalog()
        if loaded.epoch != catalog.epoch:
            if not loaded.fits(tenant_tools(catalog, tenant)):
                return None
            loaded.epoch = catalog.epoch
        return loaded

    async def current(self, tenant: str) -> Loaded:
        """The tenant's set held against the catalog of this moment. A tenant without a folder has the base policies;
        one nobody knows the folder of has no usable set.
        """
        loaded = self.find(tenant)
        while loaded is None:
            async with self._changing:
                loaded = self.find(tenant) or await self._renew(tenant)
        return loaded

    async def follow(self) -> None:
        """Hold every set against the catalog of this moment, as the next decision would."""
        for tenant in tuple(self._sets):
            await self.current(tenant)

    async def _renew(self, tenant: str) -> Loaded:
        old = self._sets.get(tenant)
        parsed = old.parsed if old else parse(tenant, await asyncio.to_thread(base_files), self._unknown)
        loaded = await asyncio.to_thread(stand, parsed, self._catalog(), self._types)
        loaded.usable = loaded.usable and (old is None or old.usable)
        self._sets[tenant] = loaded
        unfit = (fault for found in loaded.checked.unfit.values() for fault in found.values())
        for fault in (*loaded.checked.faults.values(), *unfit):
            self._alarm(f"a policy no longer fits the catalog; what it applies to is denied: {fault}")
        return loaded

    def version(self, tenant: str) -> str:
        """Digest of the tenant's enforced text; empty when nothing of it is usable."""
        loaded = self._sets.get(tenant)
        return loaded.parsed.version if loaded is not None and loaded.usable else ""

    def notes(self) -> tuple[Fault, ...]:
        """Policies about things that do not exist now."""
        return tuple(note for loaded in self._sets.values() for note in loaded.checked.notes)
