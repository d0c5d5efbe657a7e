"""Policy files to parsed policies: read, divide, parse and name each by file and line. Nothing here looks at a catalog.

Layout: `policies_dir/<tenant>/*.cedar` is enforced, `policies_dir/<tenant>/shadow/*.cedar` only recorded, and the
policies in base/ beside this file are part of every tenant's set.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cedarpy import PolicySet, pst

from remit.adapters.policy.source import PolicyText, divide
from remit.core.access import PolicyRef

BASE_DIR: Final = Path(__file__).parent / "base"
SHADOW: Final = "shadow"
# Reading nodes out of the engine holds the interpreter lock (about 50 µs a policy), so it is done in portions.
PORTION: Final = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a policy file, and where."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"

    def concerns(self, tenant: str) -> bool:
        """Whether the file is this tenant's; a shipped one, which stands in no folder, is every tenant's."""
        folder, slash, _ = self.file.partition("/")
        return not slash or folder == tenant


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, ready to be put into sets. Its template's id is its place, so that the engine's answers carry file
    and line.
    """

    ref: PolicyRef
    source: PolicyText
    template: pst.Template
    shadow: bool = False
    base: bool = False

    @property
    def permits(self) -> bool:
        return self.template.effect == "permit"


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str
    text: str
    shadow: bool = False
    base: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """One tenant's policies, base first. With `faults` it is not usable: an incomplete set may lack a forbid."""

    tenant: str
    policies: tuple[Policy, ...]
    faults: tuple[Fault, ...]
    version: str
    files: tuple[SourceFile, ...]


def base_files() -> list[SourceFile]:
    """The shipped files. Their names have no folder, so that no tenant's file has the same name and displaces one."""
    return [SourceFile(path.name, path.read_text("utf-8"), base=True) for path in sorted(BASE_DIR.glob("*.cedar"))]


def tenants_in(policies_dir: Path) -> tuple[list[str], list[Fault]]:
    """The tenants that have a folder, in name order, and what keeps anybody from knowing. No folder at all is no
    policy, not an error.
    """
    faults: list[Fault] = []
    found = entries(policies_dir, policies_dir.name, faults)
    return [path.name for path in found if not path.name.startswith(".") and _may_be_folder(path)], faults


def tenant_files(policies_dir: Path, tenant: str) -> tuple[list[SourceFile], list[Fault]]:
    """A tenant's files and what keeps any of them from being read."""
    files: list[SourceFile] = []
    faults: list[Fault] = []
    for folder, shadow in ((policies_dir / tenant, False), (policies_dir / tenant / SHADOW, True)):
        for path in entries(folder, f"{folder.relative_to(policies_dir).as_posix()}/", faults):
            if not path.name.endswith(".cedar"):
                continue
            name = path.relative_to(policies_dir).as_posix()
            try:
                files.append(SourceFile(name, path.read_text("utf-8"), shadow))
            except OSError as error:
                faults.append(_unreadable(name, error))
            except UnicodeDecodeError as error:
                faults.append(Fault(name, 1, f"is not UTF-8 (byte {error.start})"))
    return files, [*faults, *_strays(policies_dir, tenant)]


def _strays(policies_dir: Path, tenant: str) -> Iterator[Fault]:
    """Policies in folders that are not read, and such folders that nobody can look into."""
    read = policies_dir / tenant / SHADOW
    errors: list[OSError] = []
    for folder in filter(_may_be_folder, entries(policies_dir / tenant, "", [])):
        for place, _, names in os.walk(folder, onerror=errors.append):
            for stray in sorted(Path(place) / name for name in names if name.endswith(".cedar")):
                if stray.parent != read:
                    message = f"is in a folder that is not read; policies stand in {tenant}/ or {tenant}/{SHADOW}/"
                    yield Fault(stray.relative_to(policies_dir).as_posix(), 1, message)
    for error in errors:
        if Path(error.filename) != read and not isinstance(error, FileNotFoundError):
            yield _unreadable(f"{Path(error.filename).relative_to(policies_dir).as_posix()}/", error)


def entries(folder: Path, name: str, faults: list[Fault]) -> list[Path]:
    """What stands in a folder, in name order; of one that is not there nothing. To `glob` a folder that cannot be read
    is an empty one, and the forbids in it are gone without a word.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        if not isinstance(error, FileNotFoundError) or folder.is_symlink():  # a link to nothing is no absent folder
            faults.append(_unreadable(name, error))
        return []


def _may_be_folder(path: Path) -> bool:
    """Also where nobody can tell: reading it then says why."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return True


def _unreadable(name: str, error: OSError) -> Fault:
    return Fault(name, 1, f"cannot be read: {error.strerror}")


def load_tenant(policies_dir: Path, tenant: str, before: Parsed | None = None) -> Parsed:
    """Read and parse one tenant's set; the set from before is kept if its text is still the same. Blocking."""
    files, faults = tenant_files(policies_dir, tenant)
    files = [*base_files(), *files]
    if before is not None and not faults and not before.faults and before.files == tuple(files):
        return before
    return parse(tenant, files, faults)


def parse(tenant: str, files: Sequence[SourceFile], faults: Sequence[Fault] = ()) -> Parsed:
    """Parse files into one set. A fault in a shadow file does not touch what is enforced: its policies are left out."""
    found = list(faults)
    policies: list[Policy] = []
    digest = hashlib.sha256()
    for file in files:
        if not file.shadow:
            digest.update(f"{file.name}\0{file.text}\0".encode("utf-8", "surrogatepass"))
        parsed, wrong = _parse_file(file)
        policies += parsed
        found += wrong
    found += _reused_names(policies)
    return Parsed(tenant, tuple(policies), tuple(found), digest.hexdigest()[:16], tuple(files))


def _parse_file(file: SourceFile) -> tuple[list[Policy], list[Fault]]:
    policies: list[Policy] = []
    faults: list[Fault] = []
    texts = divide(file.text, file.name)
    places: set[str] = set()
    for start in range(0, len(texts), PORTION):
        portion = texts[start : start + PORTION]
        for ordinal, (text, template) in enumerate(zip(portion, _templates(portion, faults), strict=True), start + 1):
            if template is None:
                continue
            place = text.place
            while place in places:  # two policies on one line
                place += "+"
            places.add(place)
            name = template.annotations.get("id") or f"{Path(file.name).stem}-{ordinal}"
            ref = PolicyRef(name, text.file, text.line, base=file.base and template.effect == "forbid")
            policies.append(Policy(ref, text, replace(template, id=place), file.shadow, file.base))
    return policies, faults


def _templates(texts: Sequence[PolicyText], faults: list[Fault]) -> list[pst.Template | None]:
    """Each text's policy. They are parsed together, and one by one only when something is wrong."""
    try:
        nodes = PolicySet.from_str("\n".join(text.text for text in texts), release_gil=True).to_pst()
        if len(nodes.static_policies) == len(texts):
            return [nodes.static_policies[f"policy{at}"] for at in range(len(texts))]
    except ValueError:
        pass  # the next lines find out which one, and report it
    return [_template(text, faults) for text in texts]


def _template(text: PolicyText, faults: list[Fault]) -> pst.Template | None:
    try:
        nodes = PolicySet.from_str(text.text).to_pst()
    except ValueError as error:
        faults.append(Fault(text.file, text.line, f"not a Cedar policy: {error}"))
        return None
    if len(nodes.static_policies) != 1:
        faults.append(
            Fault(text.file, text.line, "templates (?principal, ?resource) are not read; write the policy out")
        )
        return None
    return next(iter(nodes.static_policies.values()))


def _reused_names(policies: Sequence[Policy]) -> Iterator[Fault]:
    seen: dict[str, Policy] = {}
    for policy in policies:
        first = seen.setdefault(policy.ref.id, policy)
        if first is not policy:
            yield Fault(
                policy.ref.file,
                policy.ref.line,
                f"the name {policy.ref.id!r} is taken by {first.source.place}; each @id is given once",
            )
