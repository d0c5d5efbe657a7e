"""Two things of one name and different kinds (OWASP MCP08): the record of a call says which of them it was about."""

from __future__ import annotations

from remit.core.access import Target, TargetKind
from remit.core.ledger import fixed_fields
from tests.scenes.policy import a_live, ask


def test_a_template_named_like_a_resource_is_not_recorded_as_the_resource() -> None:
    live = a_live()
    kinds = [TargetKind.RESOURCE, TargetKind.TEMPLATE, TargetKind.RESOURCE]
    asked = [ask("completion/complete", live=live, target=Target(kind, "notes")) for kind in kinds]
    assert [fixed_fields(access).fields["target_kind"] for access in asked] == [kind.value for kind in kinds]
    assert len(live.fixed) == 2  # the third time it is remembered
