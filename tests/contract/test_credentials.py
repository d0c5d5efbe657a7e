"""What every source of credentials owes the walk: one lease per request, released without waiting, never printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remit.adapters.credentials.registered import RegisteredCredentials
from remit.adapters.credentials.sources import EnvironmentSource
from remit.core.registration import Http
from remit.ports.credentials import Credentials, Reaper
from remit.testing.clock import FakeEntropy
from remit.testing.credentials import FakeCredentials
from tests.scenes.upstream import a_config, a_leased, a_request

RECORDED = a_leased(a_request()).recorded


def registered() -> RegisteredCredentials:
    config = a_config(Http("https://crm.example/", {"authorization": "Bearer ${env:T}"}))
    return RegisteredCredentials([config], {"env": EnvironmentSource({"T": "s3cret"})}, FakeEntropy())


MAKES: list[Callable[[], RegisteredCredentials | FakeCredentials]] = [
    registered,
    lambda: FakeCredentials("Bearer s3cret"),
]


@pytest.mark.parametrize("make", MAKES)
async def test_each_request_gets_a_lease_of_its_own(make: Callable[[], Credentials]) -> None:
    source = make()
    first, second = await source.lease(RECORDED), await source.lease(RECORDED)
    assert first.id != second.id
    assert first.credential.headers[0][1].expose() == b"Bearer s3cret"


@pytest.mark.parametrize("make", MAKES)
async def test_a_lease_prints_no_secret(make: Callable[[], Credentials]) -> None:
    lease = await make().lease(RECORDED)
    assert "s3cret" not in f"{lease!r} {lease} {lease.credential!r}"
    assert lease.upstream_identity


@pytest.mark.parametrize("make", MAKES)
async def test_releasing_does_not_wait_and_may_come_twice(
    make: Callable[[], RegisteredCredentials | FakeCredentials],
) -> None:
    source = make()
    reaper: Reaper = source
    lease = await source.lease(RECORDED)
    assert reaper.release(lease) is None
    assert reaper.release(lease) is None
