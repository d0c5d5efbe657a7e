"""The policies that can matter to one request, chosen by their scopes alone, so that deciding costs the same in a set
of ten policies and of ten thousand.

A policy whose scope does not match neither permits, forbids nor errs, so leaving it out changes nothing. That rests
on the ancestors being complete, which `core.policy_context.closure` sees to, and is tested against the full set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cedarpy import PolicySet, pst

from remit.adapters.policy.checking import actions_named, handle
from remit.adapters.policy.loading import Policy
from remit.adapters.policy.reading import context_reads
from remit.core.access import PolicyRef
from remit.core.policy_context import PER_CALL, Closure, Uid
from remit.core.policy_types import Reads

SLICES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Slice:
    """Engine handles for one set of positions, with what their syntax proves about them.

    `reads` covers the shadow policies too, `templates` only what is enforced. `cacheable`: nothing that differs
    between two calls of a grant is read.
    """

    positions: tuple[int, ...]
    enforced: PolicySet
    with_shadow: PolicySet | None
    refs: Mapping[str, PolicyRef]
    reads: Reads
    arguments: Reads
    cacheable: bool
    templates: tuple[pst.Template, ...]


def make_slice(policies: Sequence[Policy], positions: tuple[int, ...]) -> Slice:
    chosen = [policies[at] for at in positions]
    enforced = [policy for policy in chosen if not policy.shadow]
    reads = context_reads(policy.template for policy in chosen)
    names = reads.names()
    return Slice(
        positions,
        handle(enforced),
        handle(chosen) if len(enforced) < len(chosen) else None,
        {policy.template.id: policy.ref for policy in chosen},
        reads,
        reads.under("args"),
        cacheable=names is not None and not names & PER_CALL,
        templates=tuple(policy.template for policy in enforced),
    )


def scope_matches(constraint: pst.PrincipalOrResourceConstraint, uid: Uid, ancestors: frozenset[Uid]) -> bool:
    """Cedar's scope constraints: `== e`, `in e` (an entity is in itself), `is T`, `is T in e`."""
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ScopeEq(entity=pst.EntityUid() as entity):
            return _uid(entity) == uid
        case pst.ScopeIn(entity=pst.EntityUid() as entity):
            return _uid(entity) in ancestors
        case pst.ScopeIs(entity_type=entity_type):
            return str(entity_type) == uid[0]
        case pst.ScopeIsIn(entity_type=entity_type, entity=pst.EntityUid() as entity):
            return str(entity_type) == uid[0] and _uid(entity) in ancestors
        case _:  # a slot, or syntax newer than this code: what is not understood is kept, never dropped
            return True


def _uid(entity: pst.EntityUid) -> Uid:
    return str(entity.type), entity.id


def _entity(constraint: pst.PrincipalOrResourceConstraint) -> Uid | None:
    entity = getattr(constraint, "entity", None)
    return _uid(entity) if isinstance(entity, pst.EntityUid) else None


class PolicyIndex:
    """One tenant's policies by the action and the resource their scopes name; None where they name none."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = policies
        self._buckets: dict[tuple[str | None, Uid | None], list[int]] = {}
        self._slices: dict[tuple[int, ...], Slice] = {}
        for at, policy in enumerate(policies):
            resource = _entity(policy.template.resource)
            for action in set(actions_named(policy) or (None,)):
                self._buckets.setdefault((action, resource), []).append(at)

    def applicable(self, about: Closure) -> tuple[int, ...]:
        """The positions of the policies whose scope matches, in the set's order."""
        actions = (None, *(uid[1] for uid in about.action_in))
        resources = (None, *about.resource_in)
        found: set[int] = set()
        for action in actions:
            for resource in resources:
                found.update(self._buckets.get((action, resource), ()))
        return tuple(sorted(at for at in found if self._matches(self.policies[at].template, about)))

    @staticmethod
    def _matches(template: pst.Template, about: Closure) -> bool:
        return scope_matches(template.principal, about.principal, about.principal_in) and scope_matches(
            template.resource, about.resource, about.resource_in
        )

    def slice(self, positions: tuple[int, ...]) -> Slice:
        """The slice for these positions, made on first use and shared by every grant and tool it fits."""
        found = self._slices.get(positions)
        if found is None:
            if len(self._slices) >= SLICES_MAX:
                self._slices.clear()
            found = self._slices[positions] = make_slice(self.policies, positions)
        return found
