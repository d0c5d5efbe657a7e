"""Limits that a person reads when they let a client administer, and that nothing keeps: a purpose with a number of
calls, or with limits on an act's arguments, made a grant that said so and administered without end.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.errors import Denied
from remit.core.grant import Calls
from remit.core.purposes import PurposeClass, Unlisted
from remit.core.reasons import Reason
from remit.core.scope import ToolName, constraint
from remit.flows.authorize import Choice
from tests.attack.test_found_admin_without_a_yes import administering, again
from tests.scenes.authority import scopes
from tests.unit.flows.test_authorize import ASKED, BROWSER
from tests.unit.flows.test_remembered import Again

__all__ = ["again"]
ONE_USER = constraint(ToolName("remit", "revoke"), "user", "equals", ["a"])
PURPOSES = {
    found.name: found
    for found in (
        PurposeClass("five calls", Unlisted(), budget=Calls(5)),
        PurposeClass("one user", Unlisted(), frozenset({ONE_USER})),
        PurposeClass("ten minutes", Unlisted(), ttl_s=600.0),
    )
}  # fmt: skip


def choice(purpose: str, scope: str, environment: str) -> Choice:
    return Choice(scopes(scope), environment, purpose, purpose, 3600.0)


@pytest.mark.parametrize("purpose", ["five calls", "one user"])
async def test_no_client_is_let_administer_within_limits_that_nothing_keeps(again: Again, purpose: str) -> None:
    registry = again.scene.create.registry
    again.scene.create.registry = replace(registry, purposes=PURPOSES)
    with pytest.raises(Denied) as caught:
        await again.flow.agree(administering(again), again.session, choice(purpose, "remit:status", ""))
    assert caught.value.reason is Reason.OUTSIDE_GRANT
    kept = again.flow.preview(administering(again), again.session, choice("ten minutes", "remit:status", ""))
    assert kept.expires_at_s - kept.created_at_s == 600.0
    tools = again.flow.opened(again.flow.begin(ASKED, BROWSER), BROWSER)
    assert await again.flow.agree(tools, again.session, choice(purpose, "git", "dev"))
