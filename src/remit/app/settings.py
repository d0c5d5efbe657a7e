"""`remit.yaml`: the one configuration file, read whole or refused whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from remit.app.addresses import misfit_admin, misfit_listen, misfit_networks, misfit_public_url, misfit_redirects
from remit.app.administrators import check_administrators
from remit.app.misfits import Part, misfits, plain, unknown_servers
from remit.app.people_settings import misfit_people
from remit.app.sections import (
    METHOD_NAMES,
    AccountSettings,
    AdministratorSettings,
    ClientSettings,
    DomainSettings,
    PurposeSettings,
    RegistrationSettings,
    ServerSettings,
    Settings,
    Strict,
)
from remit.app.yaml_document import read_yaml
from remit.core.administration import RESERVED
from remit.core.clients import SHARED_ENDPOINT
from remit.core.names import confusable
from remit.core.registration import REFERENCE
from remit.core.scope import OPENID_SCOPES


class ConfigurationInvalid(Exception):
    """The configuration cannot be used. One sentence per problem: where, what was found, what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Configuration:
    """Settings and the folder their relative paths start from."""

    def __init__(self, settings: Settings, base: Path) -> None:
        self.settings = settings
        self.base = base

    def path(self, relative: str) -> Path:
        return (self.base / relative).resolve()

    @property
    def state_dir(self) -> Path:
        return self.path(self.settings.state_dir)

    @property
    def policies_dir(self) -> Path:
        return self.path(self.settings.policies_dir)

    @property
    def ledger_dir(self) -> Path:
        return self.state_dir / "ledger"

    @property
    def keys_dir(self) -> Path:
        return self.state_dir / "keys"

    @property
    def store_path(self) -> Path:
        return self.state_dir / "store.sqlite3"

    @property
    def nobody_at_socket(self) -> bool:
        """Whether administration is for accounts alone, over HTTP: then the command line is refused, revoking too."""
        registered = self.settings.administrators.values()
        return bool(registered) and all(administrator.uid is None for administrator in registered)

    @property
    def socket_path(self) -> Path:
        return self.state_dir / "admin.sock"

    @property
    def address(self) -> tuple[str, int]:
        return _address(self.settings.listen)

    @property
    def admin_address(self) -> tuple[str, int]:
        return _address(self.settings.admin_listen)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def load(path: Path) -> Configuration:
    """Read, merge `servers.d`, check. Raises `ConfigurationInvalid` with every problem that can be told apart."""
    document = _read(path)
    homes: dict[str, Path] = {}
    folder = path.parent / "servers.d"
    for extra in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        servers = document.setdefault("servers", {})
        for name, entry in _servers_of(extra).items():
            if name in servers:
                raise ConfigurationInvalid([f"{extra}: server {name!r} is already registered"])
            servers[name], homes[name] = entry, extra
    try:
        settings = msgspec.convert(document, Settings)
    except msgspec.ValidationError as problem:
        whole = f"{path}: {plain(problem, '', Settings, _ALL_FIELDS)}"
        raise ConfigurationInvalid(misfits(_parts(path, document, homes), _ALL_FIELDS) or [whole]) from None
    problems = [f"{path}: {text}" for text in check(settings)]
    if problems:
        raise ConfigurationInvalid(problems)
    return Configuration(settings, path.parent.resolve())


def _read(path: Path) -> dict[str, Any]:
    try:
        document = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationInvalid(
            [f"{path}: not found; name one with --config, or run `remit demo` to see one"]
        ) from None
    except OSError as problem:
        raise ConfigurationInvalid([f"{path}: {problem.strerror}"]) from None
    except UnicodeDecodeError as problem:
        raise ConfigurationInvalid([f"{path}: is not UTF-8 (byte {problem.start})"]) from None
    except yaml.YAMLError as problem:
        said = str(problem).replace('in "<unicode string>", line', "at line")
        raise ConfigurationInvalid([f"{path}: {said}"]) from None
    if not isinstance(document, dict):
        raise ConfigurationInvalid([f"{path}: expected a mapping at the top"])
    return document


def _servers_of(extra: Path) -> dict[str, Any]:
    entries = _read(extra)
    above = entries.get("servers")
    if isinstance(above, dict) and not set(above) & set(ServerSettings.__struct_fields__):
        raise ConfigurationInvalid([f"{extra}: expected server names at the top, found `servers`; leave that line out"])
    return entries


_SECTIONS: dict[str, type[Strict]] = {
    "servers": ServerSettings,
    "accounts": AccountSettings,
    "clients": ClientSettings,
    "client_documents": DomainSettings,
    "purposes": PurposeSettings,
    "administrators": AdministratorSettings,
}
_ALL_FIELDS = sorted({name for kind in Strict.__subclasses__() for name in kind.__struct_fields__})


def _parts(path: Path, document: dict[str, Any], homes: dict[str, Path]) -> Iterator[Part]:
    """The top of the file and each entry of its maps, by the file each stands in."""
    yield Part(path, "", {name: value for name, value in document.items() if name not in _SECTIONS}, Settings)
    for section, kind in _SECTIONS.items():
        entries = document.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else []:
            yield Part(homes.get(name, path) if section == "servers" else path, f"{section}.{name}", entry, kind)


def check(settings: Settings) -> list[str]:
    """What types cannot say: names that refer to each other, addresses, references."""
    secured = settings.tls is not None or settings.behind_tls_proxy
    problems = [*misfit_public_url(settings.public_url), *misfit_listen(settings.listen, secured=secured)]
    problems += misfit_admin(settings, secured=secured)
    problems += misfit_networks("trusted_proxies", settings.trusted_proxies)
    tenants, environments = set(settings.tenants), set(settings.environments)
    for name, server in settings.servers.items():
        twin = confusable(name, settings.servers)
        if twin:
            problems.append(f"servers.{name}: looks like {twin!r}; choose names that people can tell apart")
        problems += _check_server(name, server, tenants, environments)
    for name, account in settings.accounts.items():
        problems += _check_account(name, account, tenants)
    problems += misfit_people(settings)
    for name, client in settings.clients.items():
        problems += _check_client(name, client, tenants, environments)
        problems += _check_introspects(f"clients.{name}", client, settings.servers)
    problems += _check_self_described(settings, tenants)
    for name, purpose in settings.purposes.items():
        problems += unknown_servers(f"purposes.{name}.arguments", purpose.arguments, settings.servers)
    return problems + check_administrators(settings)


def _check_self_described(settings: Settings, tenants: set[str]) -> list[str]:
    problems = []
    for pattern, domain in (settings.client_documents or {}).items():
        problems += _check_domain(pattern, domain, tenants)
    if settings.registration is not None:
        problems += _check_registration(settings.registration, tenants)
    return problems


def _check_registration(entry: RegistrationSettings, tenants: set[str]) -> list[str]:
    problems = _check_tenants("registration.tenant", [entry.tenant], tenants)
    if entry.initial_token and not REFERENCE.fullmatch(entry.initial_token):
        problems.append("registration.initial_token: expected a reference like ${env:NAME} or ${file:PATH}")
    for host in entry.redirect_hosts:
        place = f"{host}/x" if host.endswith(":") else f"https://{host}/"
        if misfit := list(misfit_redirects("", [place])):
            problems.append(f"registration.redirect_hosts: expected a host, or a scheme like cursor: {misfit[0][2:]}")
    return problems


def _check_domain(pattern: str, domain: DomainSettings, tenants: set[str]) -> list[str]:
    where = f"client_documents.{pattern}"
    problems = _check_tenants(f"{where}.tenants", domain.tenants or [], tenants)
    if pattern != "*":
        problems += misfit_redirects(where, [f"https://{pattern.removeprefix('*.')}/"])
    problems += misfit_networks(f"{where}.networks", domain.networks)
    if domain.networks and "*" in pattern:
        problems.append(f"{where}.networks: name the host itself, so that no other name leads inside")
    return problems


def _check_tenants(where: str, named: list[str], tenants: set[str]) -> list[str]:
    return [f"{where}: {tenant!r} is not in tenants" for tenant in named if tenant not in tenants]


def _check_server(name: str, server: ServerSettings, tenants: set[str], environments: set[str]) -> list[str]:
    where = f"servers.{name}"
    problems = [f"{where}: the name is an MCP method's; choose another"] if name in METHOD_NAMES else []
    if name in OPENID_SCOPES:
        problems.append(
            f"{where}: clients of OpenID Connect send this name as a scope and mean no server; choose another"
        )
    problems += [f"{where}: the name is administration's; choose another"] if name == RESERVED else []
    if (server.stdio is None) == (server.http is None):
        problems.append(f"{where}: expected exactly one of stdio and http")
    problems += _check_tenants(f"{where}.tenants", server.tenants, tenants)
    if server.environment not in environments:
        problems.append(f"{where}.environment: {server.environment!r} is not in environments")
    if not server.owner:
        problems.append(f"{where}.owner: a server needs an owner")
    return problems


def _check_account(name: str, account: AccountSettings, tenants: set[str]) -> list[str]:
    where = f"accounts.{name}"
    return [*_check_subject(where, name), *_check_tenants(f"{where}.tenant", [account.tenant], tenants)]


def _check_subject(where: str, name: str) -> list[str]:
    """`|` stands between issuer and subject in the names of those that have an issuer."""
    return [f"{where}: a subject may not contain |; choose another name"] if "|" in name else []


def _check_client(name: str, client: ClientSettings, tenants: set[str], environments: set[str]) -> list[str]:
    where = f"clients.{name}"
    problems = [*_check_subject(where, name), *_check_tenants(f"{where}.tenant", [client.tenant], tenants)]
    if client.auth == "client_secret_basic" and not REFERENCE.fullmatch(client.secret):
        problems.append(f"{where}.secret: expected a reference like ${{env:NAME}} or ${{file:PATH}}")
    if client.auth == "private_key_jwt" and not client.jwks.get("keys"):
        problems.append(f"{where}.jwks: private_key_jwt needs the client's public keys")
    if client.auth != "none" and not (client.grant or client.redirect_uris or client.introspects or client.device):
        needs = "a grant template, redirect_uris, introspects or device"
        problems.append(f"{where}: a client that authenticates needs {needs}")
    problems += misfit_redirects(f"{where}.redirect_uris", client.redirect_uris)
    if client.grant is not None and client.grant.environment not in environments:
        problems.append(f"{where}.grant.environment: {client.grant.environment!r} is not in environments")
    return problems


def _check_introspects(where: str, client: ClientSettings, servers: Mapping[str, ServerSettings]) -> list[str]:
    """A client is told of tokens for endpoints it answers for: none of another tenant's, and none to who is unknown."""
    problems = []
    if client.introspects and client.auth == "none":
        problems.append(f"{where}.introspects: whoever asks about tokens has to authenticate; set auth")
    for name in client.introspects:
        serves = servers[name].tenants if name in servers else []
        if name != SHARED_ENDPOINT and client.tenant not in serves:
            problems.append(f"{where}.introspects: expected /mcp or a server of {client.tenant}, found {name!r}")
    return problems
