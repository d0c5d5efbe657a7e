"""The registered servers, from the words of `remit.yaml` to the values of core."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from remit.app.sections import ServerSettings
from remit.app.settings import Configuration, ConfigurationInvalid
from remit.core.authentication import Acr, Demand
from remit.core.catalog import Enforce, Mode, Observe
from remit.core.registration import Http, ServerConfig, Stdio, Transport


def server_configs(configuration: Configuration) -> list[ServerConfig]:
    """Every registered server, in name order. Raises `ConfigurationInvalid`."""
    return [_server(name, entry, configuration) for name, entry in sorted(configuration.settings.servers.items())]


def _server(name: str, entry: ServerSettings, configuration: Configuration) -> ServerConfig:
    return ServerConfig(
        name=name,
        tenants=frozenset(entry.tenants),
        environment=entry.environment,
        owner=entry.owner,
        transport=_transport(name, entry, configuration),
        stateful=entry.stateful,
        mode=_mode(name, entry),
        path_arguments={tool: tuple(names) for tool, names in entry.path_arguments.items()},
        high_risk=frozenset(entry.high_risk),
        demands=_demands(entry),
        restricted=frozenset(_restricted(name, entry, configuration)),
    )


def _restricted(name: str, entry: ServerSettings, configuration: Configuration) -> Iterator[tuple[str, str]]:
    for tool in entry.high_risk:
        yield f"servers.{name}.high_risk", tool
    for tool in entry.step_up.tools if entry.step_up is not None else ():
        yield f"servers.{name}.step_up.tools", tool
    for tool in entry.path_arguments:
        yield f"servers.{name}.path_arguments", tool
    for purpose, limits in configuration.settings.purposes.items():
        for server, _, tool in (text.partition("/") for text in limits.arguments):
            if server == name:
                yield f"purposes.{purpose}.arguments", tool


def _demands(entry: ServerSettings) -> dict[str, Demand]:
    if entry.step_up is None:
        return {}
    return dict.fromkeys(entry.step_up.tools, Demand(Acr.PASSKEY, entry.step_up.max_age_s))


def _transport(name: str, entry: ServerSettings, configuration: Configuration) -> Transport:
    if entry.stdio is not None:
        directory = str(configuration.path(entry.stdio.working_dir)) if entry.stdio.working_dir else ""
        return Stdio(tuple(entry.stdio.command), dict(entry.stdio.environment), directory)
    if entry.http is not None:
        http = entry.http
        ca_file = str(configuration.path(http.ca_file)) if http.ca_file else ""
        return Http(http.url, dict(http.headers), tuple(http.networks), ca_file)
    raise ConfigurationInvalid([f"servers.{name}: expected exactly one of stdio and http"])


def _mode(name: str, entry: ServerSettings) -> Mode:
    if entry.mode == "enforce":
        return Enforce()
    try:
        until = datetime.fromisoformat(entry.mode.observe_until)
    except ValueError:
        raise ConfigurationInvalid(
            [f"servers.{name}.mode.observe_until: expected a moment like 2026-12-01T00:00:00Z"]
        ) from None
    return Observe((until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp())
