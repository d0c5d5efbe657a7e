"""The attacks are real: each gains something as soon as the one defence it tries is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.defences import DEFENCES, Defence


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence.name)
async def test_every_attack_succeeds_once_its_defence_is_removed(
    defence: Defence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defence.remove(monkeypatch)
    assert await defence.attack(tmp_path) != []
