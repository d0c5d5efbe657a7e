"""The requests of `remit doctor URL`: one at a time, bounded in time and size, to addresses that were checked, and no
redirect is followed.

The operator typed one URL, which may be inside. What documents and headers name is somebody else's word: an inside
address among it is dialled only if the typed one is inside itself (`core/egress.py`).
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from remit import __version__
from remit.cli.terminal import cause
from remit.core.diagnosis.evidence import Evidence, Reach
from remit.core.diagnosis.heard import Heard, Silence, host, origin
from remit.core.diagnosis.resource_causes import is_secure
from remit.core.egress import Address, Learned, Peer, Registered, Trust, carried, literal, parse_peer, refuse_address
from remit.core.errors import Denied
from remit.core.secret import Secret
from remit.wire.events import EventReader, EventTooLarge

T = TypeVar("T")
REQUEST_S_MAX = 8.0
RESOLVE_S_MAX = 5.0
BYTES_MAX = 4 * 1024 * 1024
ADDRESSES_MAX = 4
SHOWN_SECRET = "<token>"


class TooSlow(Exception):
    """It did not end within its time."""


class TooLarge(Exception):
    """The answer has more bytes than are read."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One request. `reply_to`: the id of the JSON-RPC request it carries, so that a stream is read up to its answer."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Accept": "application/json"})
    body: bytes | None = None
    reply_to: int | None = None


class Probe:
    """For one walk from one typed URL. A host that did not answer is not asked again."""

    def __init__(self, typed: str, *, request_s_max: float = REQUEST_S_MAX, bytes_max: int = BYTES_MAX) -> None:
        self.reach: dict[str, Reach] = {}
        self._typed = typed
        self._request_s_max = request_s_max
        self._bytes_max = bytes_max
        self._addresses: dict[str, list[Address]] = {}
        self._silent: dict[str, tuple[Silence, str]] = {}
        self.look_up(typed)

    def look_up(self, url: str) -> Reach:
        """Where the URL's host leads; asked once, and remembered in `reach`."""
        name = host(url)
        if name not in self.reach:
            self._addresses[name] = found = _resolved(name)
            inside = any(not carried(address).is_global for address in found)
            self.reach[name] = Reach.INSIDE if inside else Reach.PUBLIC if found else Reach.NOWHERE
        return self.reach[name]

    def ask(self, place: str, url: str, asking: Asking | None = None, *, token: Secret | None = None) -> Heard:
        """Ask, if it may be asked. Never raises: silence is an answer, too. A token goes nowhere but to the typed URL,
        and what comes back holds it no more."""
        asking = asking or Asking()
        silence, said = self._unasked(url) or self._silent.get(origin(url)) or (None, "")
        if silence is not None:
            return Heard(place, url, silence=silence, said=said)
        if token is not None and url == self._typed:
            sent = {**asking.headers, "Authorization": f"Bearer {token.expose().decode('ascii')}"}
            asking = replace(asking, headers=sent)
        heard = self._heard(place, url, asking)
        if heard.silence in (Silence.CONNECTION, Silence.TLS, Silence.TIME, Silence.NAME) and heard.silence is not None:
            self._silent[origin(url)] = heard.silence, heard.said
        return heard if token is None else _without(heard, token)

    def _unasked(self, url: str) -> tuple[Silence, str] | None:
        try:
            parse_peer(url)
        except Denied as denied:
            return Silence.NO_URL, denied.detail
        if origin(url) == origin(self._typed):
            return None
        if not is_secure(Evidence(self._typed), url):
            return Silence.INSECURE, ""
        if self.look_up(url) is Reach.INSIDE and self.reach[host(self._typed)] is not Reach.INSIDE:
            return Silence.INSIDE, ""
        return None

    def _trust(self, url: str) -> Trust:
        inside = self.reach[host(self._typed)] is Reach.INSIDE
        return Registered(names_address=True) if inside or origin(url) == origin(self._typed) else Learned()

    def _heard(self, place: str, url: str, asking: Asking) -> Heard:
        silent = Heard(place, url)
        try:
            self.look_up(url)
            addresses = self._addresses[host(url)][:ADDRESSES_MAX]
            if not addresses:
                return replace(silent, silence=Silence.NAME, said=host(url))
            for address in addresses:
                refuse_address(self._trust(url), address)
            peer = parse_peer(url)
            connection = _Checked(peer, addresses, self._request_s_max)
            return within(
                self._request_s_max, lambda: self._exchanged(silent, connection, peer, asking), connection.end
            )
        except Denied as denied:
            return replace(silent, silence=Silence.INSIDE, said=denied.detail)
        except TooSlow:
            return replace(silent, silence=Silence.TIME, said=f"{self._request_s_max:g} s")
        except (TooLarge, EventTooLarge):
            return replace(silent, silence=Silence.SIZE, said=f"more than {self._bytes_max} bytes")
        except (OSError, http.client.HTTPException, ValueError) as problem:  # ValueError: what they said fits no header
            return replace(silent, silence=_silence(problem), said=cause(problem))

    def _exchanged(self, silent: Heard, connection: _Checked, peer: Peer, asking: Asking) -> Heard:
        headers = {"User-Agent": f"remit-doctor/{__version__}", "Connection": "close", **asking.headers}
        try:
            connection.request(asking.method, peer.target, asking.body, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in reversed(response.getheaders())}
            challenges = tuple(value for name, value in response.getheaders() if name.lower() == "www-authenticate")
            return replace(
                silent,
                status=response.status,
                headers=found,
                challenges_raw=challenges,
                body=self._body(response, found.get("content-type", ""), asking),
            )
        finally:
            connection.close()

    def _body(self, response: http.client.HTTPResponse, kind: str, asking: Asking) -> bytes:
        if asking.reply_to is None or not kind.lower().startswith("text/event-stream"):
            return b"".join(self._parts(response.read, response))
        reader = EventReader(self._bytes_max)
        for part in self._parts(response.read1, response):
            for event in reader.feed(part):
                if _answers(event.data, asking.reply_to):
                    return event.data
        return b""

    def _parts(self, read: Callable[[int], bytes], response: http.client.HTTPResponse) -> Iterator[bytes]:
        left = self._bytes_max
        while part := read(65_536):
            left -= len(part)
            if left < 0:
                raise TooLarge
            yield part


class _Checked(http.client.HTTPConnection):
    """To the first of these addresses that takes a connection, whatever the name says by now."""

    def __init__(self, peer: Peer, addresses: list[Address], timeout_s: float) -> None:
        super().__init__(peer.host, peer.port, timeout=timeout_s)
        self._to = addresses
        self._tls = ssl.create_default_context() if peer.secure else None
        self.default_port = 443 if peer.secure else 80  # what the Host header may leave out

    def connect(self) -> None:
        problem: OSError = OSError("no address")
        for address in self._to:
            try:
                self.sock = socket.create_connection((str(address), self.port), self.timeout)
            except OSError as error:
                problem = error
                continue
            if self._tls is not None:
                self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)
            return
        raise problem

    def end(self) -> None:
        """From another thread: whoever reads from it reads no more."""
        sock = self.sock
        if sock is not None:
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # an SSLSocket's own waits for the peer
            except OSError:
                return


def within(limit_s: float, work: Callable[[], T], end: Callable[[], None] = lambda: None) -> T:
    """The result of `work`, or what it raised. Raises `TooSlow` after so many seconds, whatever it waits for: names,
    handshakes and answers that come byte by byte included. `end` is to make it give up."""
    done: list[T] = []
    failed: list[BaseException] = []

    def worker() -> None:
        try:
            done.append(work())
        except BaseException as problem:  # noqa: BLE001  raised again in the thread that waits
            failed.append(problem)

    thread = threading.Thread(target=worker, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        end()
        thread.join(1.0)
        raise TooSlow
    if failed:
        raise failed[0]
    return done[0]


def _resolved(name: str) -> list[Address]:
    written = literal(name)
    if written is not None:
        return [written]
    try:
        found = within(RESOLVE_S_MAX, lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError, TooSlow):
        return []
    addresses = [literal(str(entry[4][0]).partition("%")[0]) for entry in found]
    return list(dict.fromkeys(address for address in addresses if address is not None))


def _silence(problem: BaseException) -> Silence:
    if isinstance(problem, ssl.SSLError):
        return Silence.TLS
    if isinstance(problem, TimeoutError):
        return Silence.TIME
    return Silence.PROTOCOL if isinstance(problem, http.client.HTTPException | ValueError) else Silence.CONNECTION


def _answers(data: bytes, id: int) -> bool:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and "method" not in message and message.get("id") == id


def _without(heard: Heard, token: Secret) -> Heard:
    """A server that says the token back does not get it printed: the whole of it, or any part a signature is over."""
    parts = [token.expose(), *(part for part in token.expose().split(b".") if len(part) >= 16)]

    def text(value: str) -> str:
        for part in parts:
            value = value.replace(part.decode("ascii"), SHOWN_SECRET)
        return value

    body = heard.body
    for part in parts:
        body = body.replace(part, SHOWN_SECRET.encode())
    headers = {name: text(value) for name, value in heard.headers.items()}
    challenges = tuple(map(text, heard.challenges_raw))
    return replace(heard, headers=headers, challenges_raw=challenges, body=body, said=text(heard.said))
