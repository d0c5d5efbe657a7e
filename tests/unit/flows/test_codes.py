"""What a code stands for comes back whole, and what happens to it while the store does not answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from remit.core.errors import Outage, refuse
from remit.core.grantbook import Selector
from remit.core.reasons import Reason
from remit.flows.codes import CODE, Codes, consented_to
from tests.scenes.endpoints import Endpoints

ACME = frozenset({"acme"})


@pytest.fixture
def scene() -> Endpoints:
    return Endpoints()


async def test_a_code_is_exchanged_for_the_grant_that_was_shown(scene: Endpoints) -> None:
    await scene.code()
    (kept,) = scene.authorize.codes.known.values()
    shown = scene.create.preview(consented_to(kept))
    made = (await scene.create.for_consent(consented_to(kept))).grant
    assert made == replace(shown, created_at_s=made.created_at_s, expires_at_s=made.expires_at_s)
    assert (made.id, made.origin.by) == (kept.grant, kept.consent)


async def test_a_voided_code_cannot_be_used_up_and_another_can(scene: Endpoints) -> None:
    await scene.code()
    await scene.code()
    codes = scene.authorize.codes
    (voided_id, voided), (other_id, other) = codes.known.items()
    codes.void(Selector(grant=voided.grant), ACME, scene.create.registry.accounts)
    assert [await codes.use_up(voided_id, voided), await codes.use_up(other_id, other)] == [False, True]


async def test_a_code_of_another_tenant_is_not_voided(scene: Endpoints) -> None:
    await scene.code()
    codes, accounts = scene.authorize.codes, scene.create.registry.accounts
    (kept,) = codes.known.values()
    codes.void(Selector(grant=kept.grant), frozenset({"globex"}), accounts)
    assert [code.used for code in codes.known.values()] == [False]
    codes.void(Selector(grant=kept.grant), ACME, accounts)
    assert [code.used for code in codes.known.values()] == [True]


async def test_what_was_voided_is_stored_by_the_sweep(scene: Endpoints) -> None:
    await scene.code()
    codes = scene.authorize.codes
    (kept,) = codes.known.values()
    codes.void(Selector(grant=kept.grant), ACME, scene.create.registry.accounts)
    for used in (False, True):
        after = Codes(scene.store, scene.clock)
        await after.load()
        assert [code.used for code in after.known.values()] == [used]
        await codes.sweep()


async def test_a_code_whose_consent_is_not_on_record_is_not_kept(scene: Endpoints) -> None:
    await scene.code()
    codes = scene.authorize.codes
    ((id, kept),) = codes.known.items()
    again = Codes(scene.store, scene.clock)

    async def refused() -> None:
        raise refuse(Reason.LEDGER_UNAVAILABLE)

    with pytest.raises(Outage):
        await again.keep("other", kept, recorded=refused())
    assert again.known == {}
    await again.keep("other", kept, recorded=asyncio.sleep(0))
    assert again.known == {"other": kept}
    assert {row.id for row in await scene.store.rows(CODE)} == {id, "other"}
