"""Keys are made once, by purpose, private to their owner; anything odd about them stops the start."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from remit.adapters.signer.file import FileKeys
from remit.adapters.signer.key_file import KeyFileError, Purpose
from remit.testing.clock import FakeClock


def opened(folder: Path) -> FileKeys:
    return FileKeys(folder, clock=FakeClock())


def test_a_first_start_makes_every_key_and_a_second_finds_the_same(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "keys"), opened(tmp_path / "keys")
    assert first.tokens.public_keys() == second.tokens.public_keys()
    assert first.ledger.public_key == second.ledger.public_key
    assert first.sealing.expose() == second.sealing.expose()
    assert first.store.expose() == second.store.expose()


def test_no_two_installations_share_a_key(tmp_path: Path) -> None:
    here, there = opened(tmp_path / "here"), opened(tmp_path / "there")
    assert here.tokens.public_keys() != there.tokens.public_keys()
    assert here.ledger.public_key != there.ledger.public_key
    assert here.sealing.expose() != there.sealing.expose()
    assert here.store.expose() != there.store.expose()


def test_files_and_folder_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened(tmp_path / "keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {f"{purpose}.json": 0o600 for purpose in Purpose}


def test_the_ledger_key_signs_for_its_public_key(tmp_path: Path) -> None:
    ledger = opened(tmp_path / "keys").ledger
    Ed25519PublicKey.from_public_bytes(ledger.public_key).verify(ledger.sign(b"head"), b"head")
    assert len(ledger.public_key) == 32


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_key_file_others_can_read_is_refused(tmp_path: Path, purpose: Purpose) -> None:
    opened(tmp_path / "keys")
    (tmp_path / "keys" / f"{purpose}.json").chmod(0o640)
    with pytest.raises(KeyFileError, match=rf"{purpose}.json: found permissions 0640, expected 0600; chmod 600"):
        opened(tmp_path / "keys")


def test_a_key_folder_others_can_enter_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "keys")
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(KeyFileError, match="found permissions 0755, expected 0700"):
        opened(tmp_path / "keys")


def test_a_key_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "keys")
    path = tmp_path / "keys" / "token.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(KeyFileError, match=r"token\.json: cannot be read"):
        opened(tmp_path / "keys")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"format": "remit.keys/1"}', b"null"])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_damaged_key_file_is_refused_and_left_as_it_is(tmp_path: Path, purpose: Purpose, content: bytes) -> None:
    opened(tmp_path / "keys")
    path = tmp_path / "keys" / f"{purpose}.json"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="is damaged; restore it from a backup"):
        opened(tmp_path / "keys")
    assert path.read_bytes() == content


def changed(path: Path, **members: object) -> None:
    document = json.loads(path.read_text())
    document["keys"][0] |= members
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_key_of_nonsense_is_refused(tmp_path: Path, purpose: Purpose) -> None:
    opened(tmp_path / "keys")
    changed(tmp_path / "keys" / f"{purpose}.json", material="bm9uc2Vuc2U=")
    with pytest.raises(KeyFileError):
        opened(tmp_path / "keys")


@pytest.mark.parametrize(("of", "to"), [("ledger", "token"), ("sealing", "store"), ("token", "ledger")])
def test_a_file_copied_to_another_purpose_is_refused(tmp_path: Path, of: str, to: str) -> None:
    opened(tmp_path / "keys")
    shutil.copy(tmp_path / "keys" / f"{of}.json", tmp_path / "keys" / f"{to}.json")
    with pytest.raises(KeyFileError, match="key purposes do not mix"):
        opened(tmp_path / "keys")


def test_one_key_under_two_purposes_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "keys")
    material = json.loads((tmp_path / "keys" / "sealing.json").read_text())["keys"][0]["material"]
    changed(tmp_path / "keys" / "store.json", material=material)
    with pytest.raises(KeyFileError, match="hold the same key"):
        opened(tmp_path / "keys")


def test_a_file_without_a_key_in_use_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "keys")
    changed(tmp_path / "keys" / "token.json", retired_at_s=1.0)
    with pytest.raises(KeyFileError, match="has no key in use"):
        opened(tmp_path / "keys")


def test_no_error_and_no_repr_shows_a_key(tmp_path: Path) -> None:
    keys = opened(tmp_path / "keys")
    path = tmp_path / "keys" / "sealing.json"
    material = json.loads(path.read_text())["keys"][0]["material"]
    changed(path, created_at_s="yesterday")
    with pytest.raises(KeyFileError) as caught:
        opened(tmp_path / "keys")
    assert material not in str(caught.value)
    assert material not in repr(keys.sealing)
