"""Anybody can ask for tokens in the name of a client that proves nothing: that fills no disk and stops nobody else."""

from __future__ import annotations

from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from tests.unit.flows.test_token import Endpoint

STRANGER, OWN = "192.0.2.66", "192.0.2.1"


async def test_a_stranger_who_asks_in_a_public_client_s_name_writes_no_record_and_locks_nobody_out() -> None:
    endpoint = Endpoint()
    ledger = endpoint.scene.ledger
    asked = {"client_id": "demo", "grant_type": "authorization_code", "resource": None, "code": "made up"}
    for _ in range(60):
        await endpoint.refused(None, peer=STRANGER, **asked)
    assert ledger.records == []
    assert ledger.refusals[Reason.TOKEN_INVALID] == 60
    assert (await endpoint.refused(None, peer=STRANGER, **asked)).status == 429
    assert (await endpoint.refused(None, peer=OWN, **asked)).error == "invalid_grant"
    await endpoint.refused(scope="unknown")
    assert len(ledger.of_kind(RecordKind.DENIAL)) == 1  # a client that proved who it is


async def test_details_at_the_token_endpoint_are_refused_and_never_ignored() -> None:
    endpoint = Endpoint()
    for grant_type in ("authorization_code", "refresh_token"):
        refused = await endpoint.refused(
            None, client_id="demo", grant_type=grant_type, resource=None, authorization_details="[]"
        )
        assert refused.error == "invalid_authorization_details"
    assert (await endpoint.refused(authorization_details="[]")).error == "invalid_authorization_details"
    assert (await endpoint.ask()).token
