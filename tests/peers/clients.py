"""Clients nobody here wrote, run as their documentation says: libraries from npm, mcp-remote, the Inspector, the SDKs.

Each logs in at an MCP endpoint, lists its tools and calls one. What they did is read from the relay in between.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from joserfc.jwk import ECKey
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp.shared.exceptions import MCPError
from pydantic import AnyUrl

from tests.peers.callback import Callback
from tests.peers.person import parameters_of
from tests.peers.remit_process import free_port

ROOT = Path(__file__).parents[2]
CLIENT_S_MAX = 45.0
TOOL = "describe_process"
SECRET = "a secret that only its client and Remit know"
KEY = ECKey.generate_key("P-256", parameters={"kid": "laptop", "alg": "ES256", "use": "sig"})
_AUTHORIZE = re.compile(r'http://127\.0\.0\.1:\d+/authorize\?[^\s"]+')

GoTo = Callable[[str], None]
"""Takes a browser where a client sends it, and back to the client."""


class GaveUp(Exception):
    """The client did not get as far as a called tool. The text is what it said."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where a client is pointed at, and the browser it has. `home` is its home directory. Without a `client_id` it is
    not registered, and has a `document` that says what it is, or has to register itself.
    """

    url: str
    home: Path
    go_to: GoTo
    client_id: str = ""
    document: str = ""
    port: int = field(default_factory=free_port)


Made = Mapping[str, Any]
"""`tools`: their names; `called`: the result; and what else a client tells."""


REDIRECTS: Mapping[str, str] = {
    "python-sdk": "http://127.0.0.1/callback",
    "typescript-sdk": "http://127.0.0.1/callback",
    "mcp-remote": "http://localhost/oauth/callback",
    "inspector": "http://127.0.0.1/oauth/callback",
    "openid-client": "http://127.0.0.1/callback",
    "oauth4webapi": "http://127.0.0.1/callback",
}
"""Client id → the address its answers go to unless it is told otherwise, at any port."""


def registered(folder: Path) -> dict[str, Any]:
    """The `clients` of remit.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret").write_text(SECRET)
    secret = {"auth": "client_secret_basic", "secret": f"${{file:{folder / 'secret'}}}", "require_par": True}
    key = {"auth": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]}, "require_par": True}
    proof = {"openid-client": secret, "oauth4webapi": key}
    return {
        name: {"tenant": "acme", "redirect_uris": [redirect], **proof.get(name, {})}
        for name, redirect in REDIRECTS.items()
    }


@dataclass(frozen=True, slots=True)
class Npm:
    """The pinned clients from npm, and a Node.js that can run them."""

    node: str
    modules: Path

    @classmethod
    def installed(cls) -> Npm:
        command = [sys.executable, str(ROOT / "tools" / "prepare_peers.py"), "--json", "clients"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GaveUp(f"cannot install the clients from npm:\n{done.stderr.strip()}")
        node, modules = json.loads(done.stdout)["peers"]["clients"]["command"]
        return cls(node, Path(modules))

    def driver(self, name: str, login: Login) -> Made:
        """A library, used by a file of tests/peers/node."""
        place = login.home / "node"
        shutil.copytree(ROOT / "tests" / "peers" / "node", place, dirs_exist_ok=True)
        if not (place / "node_modules").exists():
            (place / "node_modules").symlink_to(self.modules)
        asked = {"url": login.url, "port": login.port, "tool": TOOL}
        asked |= {"client_id": login.client_id, "document": login.document}
        asked |= {"secret": SECRET, "key": KEY.as_dict(private=True)}
        said = run([self.node, str(place / f"{name}.mjs"), json.dumps(asked)], login)
        made: Made = json.loads(said[-1])
        return made

    def inspector(self, login: Login) -> Made:
        """Its command-line client: a login and the list, then as another process the call."""
        launcher = self.modules / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
        back = f"http://127.0.0.1:{login.port}/oauth/callback"
        known = ["--client-id", login.client_id] if login.client_id else []
        known += ["--client-metadata-url", login.document] if login.document else []
        how = ["--transport", "http", "--callback-url", back, "--format", "json"]
        command = [self.node, str(launcher), "--cli", login.url, *how, *known]
        listed = run([*command, "--method", "tools/list"], login)
        modern = ["--protocol-era", "modern", "--stored-auth-only"]
        called = run([*command, "--method", "tools/call", "--tool-name", TOOL, *modern], login)
        tools = json.loads(listed[-1])["result"]["tools"]
        return {"tools": [tool["name"] for tool in tools], "called": json.loads(called[-1])["result"]}

    def mcp_remote(self, login: Login) -> Made:
        """A stdio server to the official Python SDK, which knows nothing of the login."""
        proxy = str(self.modules / "mcp-remote/dist/proxy.js")
        info = json.dumps({"client_id": login.client_id})
        known = ["--static-oauth-client-info", info] if login.client_id else []
        known += ["--client-metadata-url", login.document] if login.document else []
        server = StdioServerParameters(
            command=self.node, args=[proxy, login.url, str(login.port), *known], env=environment(login)
        )
        with followed(login) as errors:
            return _ended(_used(stdio_client(server, errlog=errors)))


def python_sdk(login: Login) -> Made:
    return _ended(_python_sdk(login))


def _ended(client: Coroutine[Any, Any, Made]) -> Made:
    """The SDK tells a failed login by whatever was under way at the time."""
    try:
        return asyncio.run(client)
    except (MCPError, ExceptionGroup) as error:
        raise GaveUp("".join(traceback.format_exception(error))) from error


async def _python_sdk(login: Login) -> Made:
    kept, back = Kept(login), dict[str, str]()

    async def redirected(url: str) -> None:
        with Callback(login.port) as listener:
            login.go_to(url)
            back.update(parameters_of(listener.taken()))

    async def called_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=back["code"], state=back["state"], iss=back["iss"])

    document = login.document or None
    auth = OAuthClientProvider(login.url, kept.metadata, kept, redirected, called_back, client_metadata_url=document)
    async with httpx2.AsyncClient(auth=auth, timeout=CLIENT_S_MAX, trust_env=False) as http:
        return await _used(streamable_http_client(login.url, http_client=http))


async def _used(transport: Any) -> Made:
    async with Client(transport, read_timeout_seconds=CLIENT_S_MAX) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        called = await client.call_tool(TOOL, {})
        return {"tools": tools, "called": {"structuredContent": called.structured_content}}


class Kept:
    """What a client of the Python SDK keeps between runs."""

    def __init__(self, login: Login) -> None:
        back = [AnyUrl(f"http://127.0.0.1:{login.port}/callback")]
        self.metadata = OAuthClientMetadata(redirect_uris=back, token_endpoint_auth_method="none")
        self.tokens: OAuthToken | None = None
        self.info: OAuthClientInformationFull | None = None
        if login.client_id:
            self.info = OAuthClientInformationFull(
                client_id=login.client_id, redirect_uris=back, token_endpoint_auth_method="none"
            )

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.info = client_info


# processes --------------------------------------------------------------------------------------------------------
def environment(login: Login) -> dict[str, str]:
    """A home of its own, and a browser that opens nothing: the address is printed as well, and taken from there."""
    return {
        "HOME": str(login.home),
        "PATH": os.environ["PATH"],
        "BROWSER": "/bin/true",
        "MCP_AUTO_OPEN_ENABLED": "true",  # the Inspector's: there is a browser although there is no terminal
        "MCP_INSPECTOR_SECRET_STORE": "file",
    }


def run(command: list[str], login: Login) -> list[str]:
    """A client that ends by itself: what it said, line by line. Raises GaveUp when it did not end well."""
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(login),
    ) as process:
        late = threading.Timer(CLIENT_S_MAX, process.kill)
        late.start()
        try:
            for line in process.stdout or ():
                said.append(line)
                if found := _AUTHORIZE.search(line):
                    login.go_to(found[0])
        except BaseException:
            process.kill()
            raise
        finally:
            late.cancel()
    if process.returncode != 0:
        raise GaveUp("".join(said))
    return said


@contextmanager
def followed(login: Login) -> Iterator[Any]:
    """A file for the standard error of a client: the browser goes where the client says there."""
    ours, theirs = os.pipe()

    def follow() -> None:
        with os.fdopen(ours) as lines:
            for line in lines:
                if found := _AUTHORIZE.match(line):
                    login.go_to(found[0])

    watching = threading.Thread(target=follow, name="client-errors")
    watching.start()
    try:
        with os.fdopen(theirs, "w") as errors:
            yield errors
    finally:
        watching.join()
