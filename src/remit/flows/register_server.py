"""Trusting what a server offers: the first set is the baseline, every later difference is withheld until approved.

    first survey -> baseline          later survey -> held against the pins, item by item
    approve      -> one pin moves to exactly the definition that was reviewed

Each step is on the ledger before it counts. Pins survive a restart as authenticated rows, definitions included, so that
a server that is down can still be listed and a difference can be shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remit.core.catalog import Drift, Era, Item, ItemKind, drift
from remit.core.errors import refuse
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.ports.clock import Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store
from remit.ports.upstream import Survey

Key = tuple[ItemKind, str]
ROW_KIND = "pin"


@dataclass(frozen=True, slots=True)
class Pin:
    """A trusted definition, byte for byte, and its canonical hash."""

    digest: str
    definition: bytes


@dataclass(frozen=True, slots=True)
class Pinned:
    """Everything trusted of one server, and what it last said about itself, so that it can be served after a restart
    before it answers."""

    pins: Mapping[Key, Pin]
    eras: frozenset[Era] = frozenset()
    discovery: Mapping[Era, Mapping[str, Any]] = field(default_factory=dict)
    versions: Mapping[Era, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A survey held against the pins: what may be used, and what is held back and why."""

    trusted: Mapping[Key, Item]
    withheld: Mapping[Key, Drift]


async def load_pins(store: Store) -> dict[str, Pinned]:
    """Every server's pins. Raises `Outage` if a row was tampered with."""
    return {row.id: _unpack(row.content) for row in await store.rows(ROW_KIND)}


@dataclass(frozen=True, slots=True)
class RegisterServer:
    """`tenants` says whose each server is: its records are theirs to see."""

    store: Store
    ledger: Ledger
    entropy: Entropy
    tenants: Mapping[str, frozenset[str]] = field(default_factory=dict)

    async def baseline(self, server: str, survey: Survey) -> Pinned:
        """Trust the first set a server ever offered."""
        pins = {(item.kind, item.name): Pin(item.digest, item.definition) for item in survey.items}
        self._record(server, {"event": "baseline", "items": len(pins), "digest": set_digest(pins)})
        return await self._keep(server, pins, survey)

    async def lose(self, server: str) -> Pinned:
        """The ledger knows that the server was pinned and the store does not know as what: nothing it offers is trusted
        before somebody approves it."""
        self._record(server, {"event": "pins_lost"})
        nothing = Pinned({})
        await self.store.put(ROW_KIND, server, _pack(nothing))
        return nothing

    async def see(self, server: str, pinned: Pinned, survey: Survey) -> Pinned:
        """Remember what the server now says about itself; its pins stay as they are."""
        return await self._keep(server, pinned.pins, survey)

    def report_drift(self, server: str, withheld: Mapping[Key, Drift]) -> None:
        """Put a change of what is withheld on the ledger. Called once per change, not once per survey."""
        named = {f"{kind.value}:{name}"[:256]: found.value for (kind, name), found in sorted(withheld.items())[:100]}
        self._record(server, {"event": "drift", "withheld": named, "count": len(withheld)})

    def report_misnamed(self, server: str, misnamed: Sequence[str]) -> None:
        """Put restrictions that are about no tool on the ledger, or that none is any more. Called once per change."""
        named = [where[:256] for where in misnamed[:100]]
        self._record(server, {"event": "misnamed", "misnamed": named, "count": len(misnamed)})

    async def approve(self, server: str, pinned: Pinned, key: Key, found: Item | None, digest: str, by: str) -> Pinned:
        """Move one pin to the definition the reviewer saw, named by its digest; with no item found, drop the pin.

        Raises `Denied` when the server has changed it again since the review.
        """
        held = pinned.pins.get(key)
        if (found.digest if found is not None else "") != digest:
            raise refuse(Reason.DEFINITION_CHANGED, "the definition changed again since it was reviewed")
        pins = dict(pinned.pins)
        if found is None:
            pins.pop(key, None)
        else:
            pins[key] = Pin(found.digest, found.definition)
        was = held.digest if held is not None else ""
        item = f"{key[0].value}:{key[1]}"[:256]
        self._record(server, {"event": "approved", "item": item, "digest": digest, "was": was, "by": by})
        kept = Pinned(pins, pinned.eras, pinned.discovery, pinned.versions)
        await self.store.put(ROW_KIND, server, _pack(kept))
        return kept

    async def _keep(self, server: str, pins: Mapping[Key, Pin], survey: Survey) -> Pinned:
        kept = Pinned(pins, survey.eras, survey.discovery, survey.versions)
        await self.store.put(ROW_KIND, server, _pack(kept))
        return kept

    def _record(self, server: str, fields: Mapping[str, Any]) -> None:
        whose = {"server": server, "tenants": sorted(self.tenants.get(server, ()))}
        self.ledger.write(RecordKind.CATALOG, self.entropy.id("cat"), {**whose, **fields})


def judge(pinned: Pinned, found: Iterable[Item]) -> Judged:
    """Only an item that is its pin is trusted: changed, added and removed ones are withheld."""
    items = {(item.kind, item.name): item for item in found}
    verdicts = drift({key: pin.digest for key, pin in pinned.pins.items()}, list(items.values()))
    if not pinned.pins:  # an empty baseline is a baseline: what appears after it is new
        verdicts = dict.fromkeys(items, Drift.ADDED)
    trusted = {key: items[key] for key, verdict in verdicts.items() if verdict is Drift.PINNED}
    return Judged(trusted, {key: verdict for key, verdict in verdicts.items() if verdict is not Drift.PINNED})


def set_digest(pins: Mapping[Key, Pin]) -> str:
    """One hash over a whole set, independent of order."""
    lines = sorted(f"{kind.value}\0{name}\0{pin.digest}\n" for (kind, name), pin in pins.items())
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _pack(pinned: Pinned) -> bytes:
    content = {
        "pins": [
            [kind.value, name, pin.digest, pin.definition.decode("utf-8", "surrogatepass")]
            for (kind, name), pin in pinned.pins.items()
        ],
        "discovery": {era.value: dict(found) for era, found in pinned.discovery.items()},
        "versions": {era.value: list(versions) for era, versions in pinned.versions.items()},
        "eras": sorted(era.value for era in pinned.eras),
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def _unpack(content: bytes) -> Pinned:
    found = json.loads(content)
    pins = {
        (ItemKind(kind), name): Pin(digest, definition.encode("utf-8", "surrogatepass"))
        for kind, name, digest, definition in found["pins"]
    }
    return Pinned(
        pins,
        frozenset(Era(era) for era in found["eras"]),
        {Era(era): discovery for era, discovery in found["discovery"].items()},
        {Era(era): tuple(versions) for era, versions in found["versions"].items()},
    )
