"""All live grants, in memory: what the hot path reads. The store remembers; this decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from remit.core.grant import BY_CLIENT_CREDENTIALS, Calls, Grant, LiveGrant, Origin


@dataclass(frozen=True, slots=True)
class Selector:
    """Which grants an act is about. Empty fields do not select; a selector with no field selects nothing unless
    `everything` says so, because absence is never authority."""

    grant: str = ""
    subject: str = ""
    client: str = ""
    actor: str = ""
    server: str = ""
    tenant: str = ""
    everything: bool = False

    def matches(self, grant: Grant) -> bool:
        return self.names(
            grant=grant.id, parent=grant.parent, subject=grant.subject.id, client=grant.client_id, actors=grant.actors,
            tenant=grant.tenant, servers=frozenset(scope.server for scope in grant.scopes),
        )  # fmt: skip

    def names(
        self,
        *,
        grant: str,
        subject: str,
        client: str,
        tenant: str,
        servers: frozenset[str],
        parent: str = "",
        actors: tuple[str, ...] = (),
    ) -> bool:
        """Whether it is about a grant like this, which need not be there yet."""
        wanted = [
            (self.grant, self.grant in (grant, parent)),
            (self.subject, subject == self.subject),
            (self.client, client == self.client),
            (self.actor, self.actor in actors),
            (self.server, self.server in servers),
            (self.tenant, tenant == self.tenant),
        ]
        named = [hit for field, hit in wanted if field]
        return all(named) if named else self.everything


class GrantBook:
    """Grants by id. `epoch` changes whenever a grant ends, so that caches keyed on it die at once."""

    def __init__(self) -> None:
        self._terms: dict[Origin, LiveGrant] = {}
        self._live: dict[str, LiveGrant] = {}
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[LiveGrant]:
        return iter(list(self._live.values()))

    def find(self, grant_id: str) -> LiveGrant | None:
        return self._live.get(grant_id)

    def add(self, live: LiveGrant) -> None:
        """A client that makes its own grants spends one budget in all of them, whatever resource and scopes each is
        for: they are charged to its term as to a parent.
        """
        origin = live.grant.origin
        if live.parent is None and origin.how == BY_CLIENT_CREDENTIALS and isinstance(live.grant.budget, Calls):
            live.parent = self.term_of(origin, live.used_at_s) or self._begin_term(live)
        self._live[live.grant.id] = live

    def term_of(self, origin: Origin, monotonic_s: float) -> LiveGrant | None:
        """What a client's grants have spent since the first of them was made, until that one would have expired."""
        term = self._terms.get(origin)
        return term if term is not None and monotonic_s < term.deadline_s else None

    def _begin_term(self, live: LiveGrant) -> LiveGrant:
        whole = replace(live.grant, id=f"term of {live.grant.id}", idle_s_max=float("inf"))
        term = LiveGrant(whole, now_s=whole.created_at_s, monotonic_s=live.used_at_s)
        term.deadline_s = live.deadline_s
        self._terms[live.grant.origin] = term
        return term

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
