"""Who asks by a token: refusals are counted, and the administrator is the one there is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.core.administration import Act, ThroughClient
from remit.core.errors import Denied, Unauthenticated
from remit.core.principals import Principal, PrincipalKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from tests.scenes.administration import ALICE, AdminScene


def presented(token: bytes) -> Secret:
    return Secret(b"Bearer " + token)


def test_the_asker_is_the_administrator_with_what_the_client_was_let_do(tmp_path: Path) -> None:
    scene = AdminScene(tmp_path)
    asker = scene.api.asker(presented(scene.token()))
    assert asker.administrator is ALICE
    assert isinstance(asker.way, ThroughClient)
    assert (asker.way.client, asker.way.grant, asker.way.account) == ("dashboard", "grt_admin", "alice")
    assert Act.REVOKE in asker.way.acts


def test_whoever_is_refused_is_counted_by_reason(tmp_path: Path) -> None:
    scene = AdminScene(tmp_path)
    with pytest.raises(Unauthenticated):
        scene.api.asker(None)
    with pytest.raises(Unauthenticated):
        scene.api.asker(presented(scene.tokens.token(audience="http://127.0.0.1:8701")))
    with pytest.raises(Denied):
        scene.api.asker(presented(scene.token(subject=Principal(PrincipalKind.HUMAN, "bob"))))
    counted = {
        reason: scene.ledger.refusals[reason] for reason in scene.ledger.refusals if scene.ledger.refusals[reason]
    }
    assert counted == {Reason.TOKEN_MISSING: 1, Reason.GRANT_UNKNOWN: 1, Reason.ROLE_MISSING: 1}
