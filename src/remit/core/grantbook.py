"""All live grants, in memory: what the hot path reads. The store remembers; this decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.core.grant import Grant, LiveGrant


@dataclass(frozen=True, slots=True)
class Selector:
    """Which grants an act is about (R27). Empty fields do not select; a selector with no field selects nothing unless
    `everything` says so, because absence is never authority."""

    grant: str = ""
    subject: str = ""
    client: str = ""
    actor: str = ""
    server: str = ""
    tenant: str = ""
    everything: bool = False

    def matches(self, grant: Grant) -> bool:
        wanted = [
            (self.grant, grant.id == self.grant or grant.parent == self.grant),
            (self.subject, grant.subject.id == self.subject),
            (self.client, grant.client_id == self.client),
            (self.actor, self.actor in grant.actors),
            (self.server, any(scope.server == self.server for scope in grant.scopes)),
            (self.tenant, grant.tenant == self.tenant),
        ]
        named = [hit for field, hit in wanted if field]
        return all(named) if named else self.everything


class GrantBook:
    """Grants by id. `epoch` changes whenever a grant ends, so that caches keyed on it die at once."""

    def __init__(self) -> None:
        self._live: dict[str, LiveGrant] = {}
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[LiveGrant]:
        return iter(list(self._live.values()))

    def find(self, grant_id: str) -> LiveGrant | None:
        return self._live.get(grant_id)

    def add(self, live: LiveGrant) -> None:
        self._live[live.grant.id] = live

    def remove(self, grant_id: str) -> None:
        """Forget a grant that has ended and that nobody needs to be told about any more."""
        if self._live.pop(grant_id, None) is not None:
            self.epoch += 1

    def select(self, selector: Selector) -> list[LiveGrant]:
        """The live grants the selector names, and every grant narrowed from one of them."""
        chosen = [live for live in self._live.values() if selector.matches(live.grant)]
        ids = {live.grant.id for live in chosen}
        for live in self._live.values():
            ancestor = live.parent
            while ancestor is not None and live.grant.id not in ids:
                if ancestor.grant.id in ids:
                    chosen.append(live)
                    ids.add(live.grant.id)
                ancestor = ancestor.parent
        return chosen
