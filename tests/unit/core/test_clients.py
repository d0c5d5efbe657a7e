"""What registration says about a client and an account."""

from __future__ import annotations

from remit.core.clients import Account, Client, ClientAuthentication, Only, TenantServers, reach
from remit.core.principals import Attestation
from remit.core.scope import OneTool, WholeServer
from remit.core.secret import Secret

AVAILABLE = frozenset({WholeServer("git"), WholeServer("files")})


def test_an_account_without_a_ceiling_reaches_what_its_tenant_has_and_no_more() -> None:
    assert Account("a", "acme", frozenset()).ceiling == TenantServers()
    assert reach(TenantServers(), AVAILABLE) == AVAILABLE


def test_a_ceiling_reaches_only_what_is_there() -> None:
    assert reach(Only(frozenset({OneTool("git", "log"), WholeServer("prod")})), AVAILABLE) == {OneTool("git", "log")}


def test_a_ceiling_of_nothing_reaches_nothing() -> None:
    assert reach(Only(frozenset()), AVAILABLE) == frozenset()


def test_a_client_that_proves_nothing_is_not_attested() -> None:
    levels = {method: Client("c", frozenset({"acme"}), method).attestation for method in ClientAuthentication}
    assert levels == {
        ClientAuthentication.NONE: Attestation.NONE,
        ClientAuthentication.PRIVATE_KEY_JWT: Attestation.REGISTERED,
        ClientAuthentication.CLIENT_SECRET_BASIC: Attestation.REGISTERED,
    }


def test_a_clients_secret_is_not_shown() -> None:
    client = Client("c", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, secret=Secret(b"hunter2"))
    assert "hunter2" not in repr(client)
