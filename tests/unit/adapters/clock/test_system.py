"""The machine's clocks and generator, as far as a test can hold them to anything."""

from __future__ import annotations

import re
import time

from remit.adapters.clock.system import SystemClock, SystemEntropy


def test_the_clocks_are_the_machines() -> None:
    clock = SystemClock()
    assert abs(clock.now_s() - time.time()) < 60
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_an_id_is_its_prefix_and_80_random_bits_in_base32() -> None:
    ids = {SystemEntropy().id("dec") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"dec_[A-Z2-7]{16}", one) for one in ids)


def test_every_character_of_an_id_varies() -> None:
    ids = [SystemEntropy().id("x") for _ in range(2000)]
    assert all(len({one[place] for one in ids}) == 32 for place in range(2, 18))


def test_bytes_are_as_many_as_asked_for_and_new_each_time() -> None:
    entropy = SystemEntropy()
    assert len(entropy.bytes(32)) == 32
    assert entropy.bytes(32) != entropy.bytes(32)
