"""A Remit with the administration API, people who administer, and a client they let act for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from remit.surfaces.admin.routes import PROPOSED, Paths
from remit.surfaces.admin.shapes import Proposed
from tests.peers import remit_process
from tests.peers.browser import Browser
from tests.peers.person import CLIENTS, POLICIES, SERVERS, Asking, agreed, token, with_password
from tests.peers.remit_process import RemitProcess

ROLES = ["server", "policy", "approval", "key", "audit"]
ACCOUNTS = {
    "engineer": {"tenant": "acme", "roles": ["engineer"]},
    "auditor": {"tenant": "acme"},
    "analyst": {"tenant": "globex", "roles": ["analyst"]},
    "nobody": {"tenant": "acme"},
}
ADMINISTRATORS = {
    "root": {"uid": 0, "roles": ROLES, "tenants": ["acme", "globex"]},
    "engineer": {"account": "engineer", "roles": {"acme": ROLES}},
    "auditor": {"account": "auditor", "roles": {"acme": ["audit"], "globex": ["audit"]}},
}


@dataclass(frozen=True, slots=True)
class Api:
    """The administration API as a client with this token sees it. `last_url` is where it really listens."""

    url: str
    token: str = field(default="", repr=False)

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        more["headers"] = headers | dict(more.get("headers", {}))
        return httpx2.request(method, f"{self.url}{path}", trust_env=False, timeout=30, **more)

    def get(self, path: str, expect: int = 200, **more: Any) -> Any:
        return self._expected(self.ask("GET", path, **more), expect)

    def post(self, path: str, body: Any = None, expect: int = 200, **more: Any) -> Any:
        return self._expected(self.ask("POST", path, **({"json": body} if body is not None else {}), **more), expect)

    def _expected(self, answer: httpx2.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        found = Paths().find(answer.request.url.raw_path.partition(b"?")[0])
        if found is not None and status < 300:  # the answer is as the document says
            shape: Any = found.routes[answer.request.method].answer
            msgspec.convert(answer.json(), Proposed if status == PROPOSED else shape)
        return answer.json()


@dataclass(frozen=True, slots=True)
class Administered:
    remit: RemitProcess
    url: str

    def api(self, *acts: str, account: str = "engineer", scope: str = "", client_id: str = "desktop") -> Api:
        """With a token for these acts; for all that the account holds if none is named."""
        return Api(self.url, self.tokens(*acts, account=account, scope=scope, client_id=client_id)["access_token"])

    def tokens(
        self, *acts: str, account: str = "engineer", scope: str = "", client_id: str = "desktop"
    ) -> dict[str, Any]:
        asked = scope or " ".join(f"remit:{act}" for act in acts) or "remit"
        asking = Asking(self.remit, resource=self.url, scope=asked, client_id=client_id)
        answer = agreed(Browser(self.remit.url), asking.url, account=account, tick_all=True)
        made = token(self.remit, **asking.exchange(answer["code"]))
        assert made.status_code == 200, made.text
        found: dict[str, Any] = made.json()
        return found


@contextmanager
def administered(
    folder: Path, *, people: Sequence[str] = ("engineer", "auditor", "nobody"), **more: Any
) -> Iterator[Administered]:
    """`people` have a password."""
    port = remit_process.free_port()
    url = f"http://127.0.0.1:{port}"
    settings: dict[str, Any] = {
        "accounts": ACCOUNTS,
        "administrators": ADMINISTRATORS,
        "admin_url": url,
        "admin_listen": f"127.0.0.1:{port}",
        "clients": CLIENTS,
    }
    with remit_process.remit_process(folder, SERVERS, POLICIES, **(settings | more)) as running:
        for account in people:
            with_password(running, account)
        yield Administered(running, url)
