"""Files to policies: names, places, faults."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from remit.adapters.policy.loading import PORTION, load_tenant, tenants_in
from tests.scenes.policy import write

PERMIT = "permit (principal, action, resource);"


def test_policies_are_named_by_their_id_or_by_file_and_order(tmp_path: Path) -> None:
    parsed = load_tenant(write(tmp_path, acme__git=f'@id("first") {PERMIT}\n\n{PERMIT}'), "acme")
    own = [policy for policy in parsed.policies if not policy.base]
    assert [str(policy.ref) for policy in own] == ["first (acme/git.cedar:1)", "git-2 (acme/git.cedar:3)"]
    assert parsed.faults == ()


def test_shipped_forbids_are_part_of_every_set_and_known_as_such(tmp_path: Path) -> None:
    parsed = load_tenant(write(tmp_path, acme__git=PERMIT), "acme")
    shipped = {policy.ref.id: policy.ref.base for policy in parsed.policies if policy.base}
    assert shipped == {"base-tenant": True, "base-environment": True, "base-high-risk": True, "base-session": False}


def test_a_tenant_of_any_name_displaces_no_shipped_policy(tmp_path: Path) -> None:
    parsed = load_tenant(write(tmp_path, base__base="\n" * 5 + PERMIT), "base")
    assert len({policy.template.id for policy in parsed.policies}) == len(parsed.policies) == 5


def test_faults_carry_file_and_line(tmp_path: Path) -> None:
    text = f"{PERMIT}\n\npermit (nobody, action, resource);\npermit (principal == ?principal, action, resource);"
    parsed = load_tenant(write(tmp_path, acme__git=text), "acme")
    places = [(fault.file, fault.line) for fault in parsed.faults]
    assert places == [("acme/git.cedar", 3), ("acme/git.cedar", 4)]
    assert "nobody" in parsed.faults[0].message
    assert "templates" in parsed.faults[1].message


def test_a_fault_after_many_good_policies_is_still_found_on_its_line(tmp_path: Path) -> None:
    text = "\n".join([*[PERMIT] * (PORTION + 5), "permit (nobody, action, resource);"])
    (fault,) = load_tenant(write(tmp_path, acme__git=text), "acme").faults
    assert fault.line == PORTION + 6


def test_a_name_is_given_once(tmp_path: Path) -> None:
    parsed = load_tenant(
        write(tmp_path, acme__a=f'@id("x") {PERMIT}', acme__b=f'@id("base-tenant") {PERMIT}\n@id("x") {PERMIT}'), "acme"
    )
    assert [(fault.file, fault.line) for fault in parsed.faults] == [("acme/b.cedar", 1), ("acme/b.cedar", 2)]
    assert "acme/a.cedar:1" in parsed.faults[1].message


def test_a_file_that_is_not_text_is_a_fault(tmp_path: Path) -> None:
    (write(tmp_path, acme__a=PERMIT) / "acme" / "b.cedar").write_bytes(b"\xff\xfe")
    (fault,) = load_tenant(tmp_path, "acme").faults
    assert str(fault) == "acme/b.cedar:1: is not UTF-8 (byte 0)"


def test_a_policy_in_a_folder_nobody_reads_is_a_fault(tmp_path: Path) -> None:
    (fault,) = load_tenant(write(tmp_path, acme__old__a=PERMIT), "acme").faults
    assert fault.file == "acme/old/a.cedar"


def test_shadow_policies_do_not_change_the_version(tmp_path: Path) -> None:
    before = load_tenant(write(tmp_path, acme__a=PERMIT), "acme").version
    assert load_tenant(write(tmp_path, acme__shadow__a=PERMIT), "acme").version == before
    assert load_tenant(write(tmp_path, acme__a=PERMIT + " "), "acme").version != before


@pytest.mark.parametrize("tenants", [["acme", "globex"], []])
def test_each_folder_is_a_tenant(tmp_path: Path, tenants: list[str]) -> None:
    for tenant in tenants:
        write(tmp_path, **{f"{tenant}__a": PERMIT})
    assert tenants_in(tmp_path) == (tenants, [])
    assert tenants_in(tmp_path / "missing") == ([], [])


# A folder that is there and cannot be read is not an empty one. Links in a circle stop a superuser too. ---------------
def circle(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.name)


def denied_to_everybody(folder: Path, patch: pytest.MonkeyPatch) -> None:
    listdir, scandir = os.listdir, os.scandir

    def require(path: object) -> None:
        if Path(str(path)) == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    patch.setattr(os, "listdir", lambda path: (require(path), listdir(path))[1])
    patch.setattr(os, "scandir", lambda path: (require(path), scandir(path))[1])


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("acme", "acme/"),
        ("acme/shadow", "acme/shadow/"),
        ("acme/old", "acme/old/"),
        ("acme/shadow/old", "acme/shadow/"),
    ],
)
def test_a_folder_nobody_may_look_into_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, file: str
) -> None:
    write(tmp_path, acme__a=PERMIT, acme__shadow__a=PERMIT, acme__old__deep__a=PERMIT, acme__shadow__old__a=PERMIT)
    denied_to_everybody(tmp_path / folder, monkeypatch)
    faults = [fault for fault in load_tenant(tmp_path, "acme").faults if "cannot be read" in fault.message]
    assert [(fault.file[: len(file)], fault.message) for fault in faults] == [
        (file, "cannot be read: Permission denied")
    ]


@pytest.mark.parametrize("folder", ["acme", "acme/shadow"])
def test_a_folder_that_is_a_link_to_nothing_is_a_fault(tmp_path: Path, folder: str) -> None:
    circle(tmp_path / folder)
    assert tenants_in(tmp_path) == (["acme"], [])
    fault = load_tenant(tmp_path, "acme").faults[0]
    assert (fault.file, fault.concerns("acme"), fault.concerns("globex")) == (f"{folder}/", True, False)
    (tmp_path / folder).unlink()
    (tmp_path / folder).symlink_to("gone")
    assert [fault.file for fault in load_tenant(tmp_path, "acme").faults] == [f"{folder}/"]


def test_a_folder_that_is_a_link_to_one_is_read(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", a=PERMIT)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "acme").symlink_to(tmp_path / "elsewhere")
    assert tenants_in(tmp_path / "policies") == (["acme"], [])
    parsed = load_tenant(tmp_path / "policies", "acme")
    assert (parsed.faults, len([policy for policy in parsed.policies if not policy.base])) == ((), 1)


def test_a_policies_dir_that_cannot_be_read_is_every_tenants_fault(tmp_path: Path) -> None:
    (tmp_path / "policies").write_text("")
    tenants, (fault,) = tenants_in(tmp_path / "policies")
    assert tenants == []
    assert str(fault) == "policies:1: cannot be read: Not a directory"
    assert fault.concerns("acme")


def test_files_beside_the_folders_are_nobodys(tmp_path: Path) -> None:
    (write(tmp_path, acme__a=PERMIT) / "README.md").write_text("about these")
    (tmp_path / "acme" / ".#notes").symlink_to("nobody@nowhere")
    assert tenants_in(tmp_path) == (["acme"], [])
    assert load_tenant(tmp_path, "acme").faults == ()
