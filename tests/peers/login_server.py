"""An MCP server and its authorization server in one, each part of which a test can get wrong."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

ENDPOINT = "/mcp"
RESOURCE = "/.well-known/oauth-protected-resource"
OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
TOOL = {"name": "look", "inputSchema": {"type": "object"}}


@dataclass
class Said:
    """A response. A mapping as body is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class LoginServer:
    """A healthy one, at `url`. `pages` are answers to GET by path; `refusal` is what comes without a good token.
    `redirects` are the redirect URIs of the one client, `desktop`; `asked` is what came, as method, path and headers.
    """

    origin: str
    token: str = ""
    tools: list[Any] = field(default_factory=lambda: [TOOL])
    pages: dict[str, Said] = field(default_factory=dict)
    refusal: Said = field(default_factory=Said)
    refused: Said | None = None  # what comes with a token that is not good, if that is something else
    redirects: set[str] = field(default_factory=set)
    port_free: bool = True
    authorize: Callable[[Mapping[str, str]], Said] | None = None
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.origin + ENDPOINT

    @property
    def resource(self) -> dict[str, Any]:
        """The protected resource metadata, to be changed in place."""
        found: dict[str, Any] = self.pages[RESOURCE + ENDPOINT].body
        return found

    @property
    def server(self) -> dict[str, Any]:
        """The authorization server metadata, to be changed in place."""
        found: dict[str, Any] = self.pages[OAUTH].body
        return found

    def challenge(self, value: str | None) -> None:
        self.refusal.headers = {} if value is None else {"WWW-Authenticate": value}

    # answers
    def get(self, path: str, query: str) -> Said:
        if path == "/authorize":
            parameters = dict(parse_qsl(query))
            return self.authorize(parameters) if self.authorize else self.authorized(parameters)
        return self.pages.get(path, Said(404, {"error": "not_found"}))

    def authorized(self, parameters: Mapping[str, str]) -> Said:
        redirect = parameters.get("redirect_uri", "")
        known = redirect in self.redirects or (self.port_free and portless(redirect) in map(portless, self.redirects))
        if parameters.get("client_id") != "desktop" or not known:
            page = b"<html><head><title>x</title></head><body><h1>Bad client</h1>or redirect</body></html>"
            return Said(400, page, {"Content-Type": "text/html"})
        if parameters.get("resource") != self.resource["resource"]:
            said = {"error": "invalid_target", "state": parameters["state"], "iss": self.server["issuer"]}
            return Said(302, b"", {"Location": f"{redirect}?{urlencode(said)}"})
        return Said(302, b"", {"Location": "/login?flow=secret-flow"})

    def post(self, headers: Mapping[str, str], message: Mapping[str, Any]) -> Said:
        given = headers.get("authorization", "")
        if given != f"Bearer {self.token}" or not self.token:
            return self.refused if given and self.refused is not None else self.refusal
        results = {"server/discover": {"resultType": "complete"}, "tools/list": {"tools": self.tools}}
        method = str(message.get("method"))
        if method not in results:
            return Said(404, {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": -32601, "message": method}})
        return Said(200, {"jsonrpc": "2.0", "id": message.get("id"), "result": results[method]})


def portless(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.hostname or "").geturl()


def healthy(origin: str) -> LoginServer:
    resource = {"resource": origin + ENDPOINT, "authorization_servers": [origin], "scopes_supported": ["look"]}
    server = {
        "issuer": origin,
        "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }
    made = LoginServer(origin, redirects={"http://127.0.0.1/callback"})
    made.pages = {RESOURCE + ENDPOINT: Said(200, resource), OAUTH: Said(200, server)}
    made.refusal = Said(401, {"error": "invalid_token"})
    made.challenge(f'Bearer resource_metadata="{origin}{RESOURCE}{ENDPOINT}", scope="look"')
    return made


@contextlib.contextmanager
def login_server() -> Iterator[LoginServer]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    login = healthy(f"http://127.0.0.1:{served.server_port}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(login.get(parts.path, parts.query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            self._answer(login.post({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))

        def do_DELETE(self) -> None:
            self._answer(Said(200))

        def _answer(self, said: Said) -> None:
            login.asked.append((self.command, self.path, dict(self.headers.items())))
            is_json = isinstance(said.body, dict)
            body = json.dumps(said.body).encode() if is_json else said.body
            headers = ({"Content-Type": "application/json"} if is_json else {}) | said.headers
            self.send_response(said.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Tests read what came in `asked`."""

    served.RequestHandlerClass = Handler
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield login
    finally:
        served.shutdown()
        thread.join(5)
        served.server_close()
