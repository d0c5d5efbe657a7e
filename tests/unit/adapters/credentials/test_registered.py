from __future__ import annotations

import os
from pathlib import Path

import pytest

from remit.adapters.credentials.registered import RegisteredCredentials
from remit.adapters.credentials.sources import EnvironmentSource, FileSource
from remit.core.errors import Denied, Outage
from remit.core.reasons import Reason
from remit.core.registration import Http, ServerConfig, Stdio, Transport
from remit.testing.clock import FakeEntropy
from tests.scenes.upstream import a_leased, a_request

ENVIRONMENT = {"TOKEN": "t0ken", "EMPTY": ""}


def credentials(transport: Transport, environment: dict[str, str] | None = None) -> RegisteredCredentials:
    config = ServerConfig("peer", frozenset({"acme"}), "dev", "platform", transport)
    sources = {"env": EnvironmentSource(ENVIRONMENT if environment is None else environment), "file": FileSource()}
    return RegisteredCredentials([config], sources, FakeEntropy())


def http(**headers: str) -> Http:
    return Http("https://crm.example/mcp", headers)


def test_a_header_template_is_filled() -> None:
    lease = credentials(http(Authorization="Bearer ${env:TOKEN}", plain="x")).for_server("peer")
    ((name, secret),) = lease.credential.headers
    assert (name, secret.expose()) == ("Authorization", b"Bearer t0ken")
    assert (lease.source, lease.upstream_identity, lease.credential.environment) == ("env", "env:TOKEN", ())


def test_a_process_gets_its_secret_as_a_variable() -> None:
    lease = credentials(Stdio(("x",), {"A": "${env:TOKEN}-${env:TOKEN}", "TZ": "UTC"})).for_server("peer")
    assert [(name, secret.expose()) for name, secret in lease.credential.environment] == [("A", b"t0ken-t0ken")]


def test_a_server_without_references_has_no_credential() -> None:
    lease = credentials(http(plain="x")).for_server("peer")
    assert (lease.source, lease.upstream_identity, lease.credential.headers) == ("none", "none", ())


def test_nothing_that_is_printed_holds_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("f1le")
    lease = credentials(http(a="${env:TOKEN}", b=f"${{file:{file}}}")).for_server("peer")
    assert "t0ken" not in repr(lease) + repr(lease.credential)
    assert "f1le" not in repr(lease) + repr(lease.credential)


@pytest.mark.parametrize(
    "reference", ["${env:ABSENT}", "${env:EMPTY}", "${env:}", "${file:/no/such/file}", "${file:/}"]
)
def test_a_missing_secret_is_an_outage_and_nothing_stands_in(reference: str) -> None:
    """CVE-2026-16326: no fallback to the process's own or an earlier credential."""
    with pytest.raises(Outage) as caught:
        credentials(http(a=reference)).for_server("peer")
    assert caught.value.reason is Reason.CREDENTIAL_UNAVAILABLE


def test_a_reference_to_a_source_that_is_not_offered_is_an_outage() -> None:
    config = ServerConfig("peer", frozenset({"acme"}), "dev", "platform", http(a="${file:/run/token}"))
    lending = RegisteredCredentials([config], {"env": EnvironmentSource(ENVIRONMENT)}, FakeEntropy())
    with pytest.raises(Outage) as caught:
        lending.for_server("peer")
    assert caught.value.reason is Reason.CREDENTIAL_UNAVAILABLE


def test_a_secret_that_goes_missing_is_not_served_from_memory() -> None:
    environment = dict(ENVIRONMENT)
    lending = credentials(http(a="${env:TOKEN}"), environment)
    lending.for_server("peer")
    del environment["TOKEN"]
    with pytest.raises(Outage):
        lending.for_server("peer")


def test_a_variable_that_changes_is_lent_as_it_is_now() -> None:
    environment = dict(ENVIRONMENT)
    lending = credentials(http(a="${env:TOKEN}"), environment)
    first, again = lending.for_server("peer"), lending.for_server("peer")
    assert first.credential is again.credential
    environment["TOKEN"] = "next"
    assert lending.for_server("peer").credential.headers[0][1].expose() == b"next"


def test_a_file_is_read_again_when_it_changes_and_its_last_line_break_is_not_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    lending = credentials(http(a=f"${{file:{file}}}"))
    first, again = lending.for_server("peer"), lending.for_server("peer")
    assert first.credential is again.credential
    assert first.credential.headers[0][1].expose() == b"one"
    file.write_text("two\n")
    os.utime(file, ns=(1, 1))
    assert lending.for_server("peer").credential.headers[0][1].expose() == b"two"


def test_an_unregistered_server_is_lent_nothing() -> None:
    with pytest.raises(Denied) as caught:
        credentials(http()).for_server("other")
    assert caught.value.reason is Reason.CREDENTIAL_REFUSED


async def test_a_lease_is_held_until_it_is_released() -> None:
    lending = credentials(http(a="${env:TOKEN}"))
    recorded = a_leased(a_request()).recorded
    first, second = await lending.lease(recorded), await lending.lease(recorded)
    assert first.id != second.id
    assert lending.held == 2
    lending.release(first)
    lending.release(first)
    assert lending.held == 1
