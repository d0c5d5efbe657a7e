"""What every clock and every source of randomness does."""

from __future__ import annotations

import pytest

from remit.adapters.clock.system import SystemClock, SystemEntropy
from remit.ports.clock import Clock, Entropy
from remit.testing.clock import FakeClock, FakeEntropy


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])
def test_monotonic_time_never_runs_backwards(clock: Clock) -> None:
    readings = [clock.monotonic_s() for _ in range(100)]
    assert readings == sorted(readings)
    assert clock.now_s() > 1_700_000_000


def test_a_fake_clock_moves_only_when_told_and_a_wall_step_moves_no_deadline() -> None:
    clock = FakeClock()
    now_s, monotonic_s = clock.now_s(), clock.monotonic_s()
    clock.advance(5)
    clock.step_wall(-60)
    assert (clock.now_s() - now_s, clock.monotonic_s() - monotonic_s) == (-55, 5)
    with pytest.raises(ValueError, match="time passes forwards"):
        clock.advance(-1)


@pytest.mark.parametrize("entropy", [SystemEntropy(), FakeEntropy()], ids=["system", "fake"])
def test_ids_and_bytes_never_repeat(entropy: Entropy) -> None:
    assert len({entropy.id("dec") for _ in range(100)}) == 100
    assert len({entropy.bytes(16) for _ in range(100)}) == 100
    assert all(len(entropy.id("dec")) == 20 for _ in range(10))
    assert len(entropy.bytes(5)) == 5
