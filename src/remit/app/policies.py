"""Policies checked and tested without a server, against the tools that were trusted when Remit last ran."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from remit.adapters.policy.expectations import run_tests
from remit.adapters.policy.loading import Fault
from remit.adapters.policy.reporting import report
from remit.adapters.schema.compiled import SchemaProblem
from remit.adapters.signer.key_file import KeyFileError, Purpose, read_keys
from remit.adapters.store.sqlite import SqliteStore
from remit.app.catalog import NEVER_SEEN, as_registered, compiled, server_of, stored_item
from remit.app.server_configs import server_configs
from remit.app.settings import Configuration, ConfigurationInvalid
from remit.core.catalog import Catalog, Item, Server, Tool, bare_names
from remit.core.errors import Refusal
from remit.core.registration import ServerConfig
from remit.flows.register_server import Pinned, load_pins


def check_policies(configuration: Configuration) -> dict[str, Any]:
    """What is wrong with each tenant's files, and which arguments no policy can read. `tools` counts the known ones."""
    catalog = trusted_catalog(configuration)
    found = report(configuration.policies_dir, catalog)
    names = sorted({*configuration.settings.tenants, *found.versions})
    tenants: dict[str, Any] = {}
    for name in names:
        faults = [fault for fault in found.faults if fault.concerns(name)]
        if name not in configuration.settings.tenants:
            faults.append(Fault(name, 0, "the configuration has no tenant of this name; nothing reads this folder"))
        tenants[name] = {
            "version": found.versions.get(name, ""),
            "policies": found.policies.get(name, 0),
            "problems": [asdict(fault) for fault in faults],
            "notes": [asdict(note) for note in found.notes if note.concerns(name)],
        }
    unmapped = {tool: list(arguments) for tool, arguments in found.unmapped.items()}
    tools = sum(len(server.tools()) for server in catalog.servers.values())
    return {"tenants": tenants, "unmapped": unmapped, "tools": tools}


def test_policies(configuration: Configuration) -> dict[str, Any]:
    """Run the tests that stand beside the policies."""
    catalog = trusted_catalog(configuration)
    tests = [
        {"file": test.file, "line": test.line, "name": test.name, "passed": test.passed, "message": test.problem}
        for test in run_tests(configuration.policies_dir, catalog)
    ]
    known = sorted(name for name, server in catalog.servers.items() if server.items)
    return {"tests": tests, "failed": sum(not test["passed"] for test in tests), "known_servers": known}


def trusted_catalog(configuration: Configuration) -> Catalog:
    """Every registered server with the definitions that are pinned; with none where Remit has not seen it yet.

    Raises `ConfigurationInvalid` when what is stored cannot be read or was changed by somebody.
    """
    try:
        pins = asyncio.run(_pins(configuration))
    except (KeyFileError, Refusal) as problem:
        raise ConfigurationInvalid([f"{configuration.state_dir}: {problem}"]) from None
    servers = {
        config.name: _server(config, pins.get(config.name, NEVER_SEEN)) for config in server_configs(configuration)
    }
    return Catalog(1, servers, bare_names(servers))


async def _pins(configuration: Configuration) -> dict[str, Pinned]:
    path, keys = configuration.store_path, configuration.keys_dir
    stored = read_keys(keys, Purpose.STORE) if path.exists() and keys.is_dir() else None
    if stored is None:
        return {}
    store = await SqliteStore.open(path, stored[-1].material)
    try:
        return await load_pins(store)
    finally:
        await store.close()


def _server(config: ServerConfig, pinned: Pinned) -> Server:
    items = {key: _item(config, stored_item(config.name, key, pin.definition)) for key, pin in pinned.pins.items()}
    return server_of(config, pinned, items, withheld={})


def _item(config: ServerConfig, item: Item) -> Item:
    if not isinstance(item, Tool):
        return item
    try:
        return as_registered(config, item, compiled(config, item))
    except SchemaProblem:
        return as_registered(config, item)
