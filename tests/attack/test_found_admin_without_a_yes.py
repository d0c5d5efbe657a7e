"""Ways around the administrator's own yes: an agreement from before, one an administrator gave for them, and a device
code that a stranger sent. What is no administration goes each of these ways, as it should.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.administration import Administrator, Role, scopes_held
from remit.core.authorization_request import AuthorizationError, Resources, asked_by_device
from remit.core.consent_rule import ConsentRule
from remit.flows.admin_audience import AdminAudience
from remit.flows.pending import Choice, Pending
from tests.scenes.authority import ISSUER, RESOURCE, scopes
from tests.unit.flows.test_authorize import ASKED, BROWSER
from tests.unit.flows.test_remembered import DEVICE, WEB, YES, Again

ADMIN_URL = "http://127.0.0.1:8701"
HELD = scopes_held(Administrator("engineer", {"acme": frozenset(Role)}, account="engineer"))
STATUS = Choice(scopes("remit:status"), "", "look after it", "", 3600.0)


@pytest.fixture
def again() -> Again:
    again = Again()
    audience = AdminAudience(ADMIN_URL, lambda account: HELD if account == "engineer" else frozenset())
    again.scene.create.registry = replace(again.scene.create.registry, administration=audience)
    return again


def administering(again: Again) -> Pending:
    web = {"client_id": WEB.id, "redirect_uri": "https://web.example/cb"}
    asked = ASKED | web | {"resource": ADMIN_URL, "scope": "remit:status"}
    return again.flow.opened(again.flow.begin(asked, BROWSER), BROWSER)


async def test_an_agreement_from_before_is_no_yes_to_administer(again: Again) -> None:
    await again.flow.agree(administering(again), again.session, STATUS, device=DEVICE)
    assert again.remember.found(administering(again), again.session, DEVICE) is None
    assert await again.remember.without_asking(administering(again), again.session, DEVICE) == ""
    await again.agreed(WEB)
    assert await again.silently(WEB)


async def test_nobody_agrees_to_administer_for_somebody_else(again: Again) -> None:
    admin: ConsentRule = replace_rule(again.rule(), scopes=("remit", "remit:status"), environment="")
    await again.rules.add(admin)
    assert again.remember.found(administering(again), again.session, DEVICE) is None
    await again.rules.add(again.rule())
    assert again.remembered(WEB)
    assert YES.scopes == scopes("git")


def replace_rule(rule: ConsentRule, **changes: object) -> ConsentRule:
    from msgspec.structs import replace as replaced

    return replaced(rule, **changes)


def test_no_code_typed_for_a_device_lets_it_administer(again: Again) -> None:
    resources = Resources(again.scene.create.registry.issuer)
    with pytest.raises(AuthorizationError):
        asked_by_device(WEB, "d", {"resource": ADMIN_URL, "scope": "remit"}, resources)
    assert asked_by_device(WEB, "d", {"resource": RESOURCE, "scope": "git"}, resources)
    assert ADMIN_URL in again.scene.create.registry.resources
    assert again.scene.create.registry.issuer == ISSUER
