"""The requests of the walk: bounded, checked, and nothing followed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from remit.cli import probe as module
from remit.cli.probe import Asking, Probe, TooSlow, within
from remit.core.diagnosis.evidence import Reach
from remit.core.diagnosis.heard import Silence
from remit.core.egress import Address, literal
from remit.core.secret import Secret
from tests.peers.login_server import RESOURCE, LoginServer, Said, login_server
from tests.peers.remit_process import free_port

TOKEN = Secret(b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9x.c2lnbmF0dXJl")


@pytest.fixture
def server() -> Iterator[LoginServer]:
    with login_server() as found:
        yield found


@contextmanager
def saying(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one connection and says what it likes on it."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65_536)
            talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        thread.join(5)
        listening.close()


def resolving(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    def resolved(name: str) -> list[Address]:
        found = literal(name) or literal(names.get(name.partition(".")[0], ""))
        return [] if found is None else [found]

    monkeypatch.setattr(module, "_resolved", resolved)


def test_an_answer_is_told_with_its_status_headers_and_body(server: LoginServer) -> None:
    heard = Probe(server.url).ask("path", server.origin + RESOURCE + "/mcp")
    assert (heard.place, heard.status, heard.kind) == ("path", 200, "application/json")
    assert (heard.document or {})["resource"] == server.url


def test_a_redirect_is_an_answer_and_not_followed(server: LoginServer) -> None:
    server.pages["/x"] = Said(302, b"", {"Location": "/y"})
    heard = Probe(server.url).ask("x", f"{server.origin}/x")
    assert (heard.status, heard.redirected_to) == (302, "/y")
    assert [path for _, path, _ in server.asked] == ["/x"]


def test_the_token_goes_to_the_typed_url_and_nowhere_else(server: LoginServer) -> None:
    probe = Probe(server.url)
    probe.ask("discover", server.url, Asking("POST", {}, b"{}"), token=TOKEN)
    probe.ask("other", f"{server.origin}/other", token=TOKEN)
    assert ["Authorization" in headers for _, _, headers in server.asked] == [True, False]


def test_a_token_that_is_said_back_is_not_kept(server: LoginServer) -> None:
    whole = TOKEN.expose().decode()
    server.refusal = Said(
        401, {"you": whole, "said": whole.split(".")[1]}, {"WWW-Authenticate": f'Bearer realm="{whole}"'}
    )
    heard = Probe(server.url).ask("discover", server.url, Asking("POST", {}, b"{}"), token=TOKEN)
    assert heard.status == 401
    kept = f"{heard.headers}{heard.challenges_raw}{heard.body!r}"
    assert "<token>" in kept
    assert not [part for part in whole.split(".") if part in kept]


def test_nobody_at_the_port_is_no_connection_and_not_asked_again() -> None:
    url = f"http://127.0.0.1:{free_port()}/mcp"
    probe = Probe(url)
    assert probe.ask("discover", url).silence is Silence.CONNECTION
    assert probe.ask("path", f"{url}2").silence is Silence.CONNECTION


def test_a_name_that_nobody_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch)
    probe = Probe("https://nobody.example/mcp")
    assert probe.ask("discover", "https://nobody.example/mcp").silence is Silence.NAME
    assert probe.reach == {"nobody.example": Reach.NOWHERE}


@pytest.mark.parametrize(
    ("learned", "silence"),
    [
        ("https://10.0.0.1/x", Silence.INSIDE),
        ("https://inner.example/x", Silence.INSIDE),
        ("https://169.254.169.254/latest", Silence.INSIDE),
        ("https://[::1]/x", Silence.INSIDE),
        ("http://public.example/x", Silence.INSECURE),
        ("http://127.0.0.1/x", Silence.INSECURE),
        ("https://2130706433/x", Silence.NO_URL),
        ("https://a:b@public.example/x", Silence.NO_URL),
        ("file:///etc/passwd", Silence.NO_URL),
        ("/relative", Silence.NO_URL),
        ("", Silence.NO_URL),
    ],
)
def test_a_learned_address_that_is_inside_or_insecure_is_not_asked(
    learned: str, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, typed="93.184.216.34", public="93.184.216.35", inner="10.1.2.3")
    assert Probe("https://typed.example/mcp").ask("issuer", learned).silence is silence


def test_a_learned_inside_address_is_asked_where_the_typed_one_is_inside(server: LoginServer) -> None:
    with login_server() as other:
        assert Probe(server.url).ask("oauth", f"{other.origin}/.well-known/oauth-authorization-server").status == 200


def test_a_metadata_address_is_never_asked_even_from_inside(server: LoginServer) -> None:
    heard = Probe(server.url).ask("issuer", "https://169.254.169.254/latest")
    assert heard.silence is Silence.INSIDE


def test_an_answer_that_comes_byte_by_byte_ends_with_its_time() -> None:
    gone = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            while not gone.wait(0.02):
                connection.sendall(b"H")
        except OSError:
            gone.set()

    with saying(drip) as url:
        assert Probe(url, request_s_max=0.3).ask("discover", url).silence is Silence.TIME
        assert gone.wait(5)


def test_an_answer_that_is_too_large_is_told() -> None:
    def much(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000)

    with saying(much) as url:
        assert Probe(url, bytes_max=1000).ask("discover", url).silence is Silence.SIZE
    with saying(much) as url:
        assert Probe(url, bytes_max=4000).ask("discover", url).status == 200


def test_what_is_no_http_is_told() -> None:
    with saying(lambda connection: connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46\r\n")) as url:
        assert Probe(url).ask("discover", url).silence is Silence.PROTOCOL


def test_a_stream_is_read_up_to_its_answer() -> None:
    def stream(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        connection.sendall(b'data: {"method":"notifications/x"}\n\ndata: {"id":1,"result":{"a":1}}\n\n')
        connection.recv(1)  # stays open until the other side leaves

    with saying(stream) as url:
        heard = Probe(url).ask("discover", url, Asking("POST", {}, b"{}", reply_to=1))
    assert heard.result == {"a": 1}


def test_what_takes_too_long_is_left_and_what_fails_fails() -> None:
    ended = threading.Event()
    with pytest.raises(TooSlow):
        within(0.05, lambda: ended.wait(5), ended.set)
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    assert within(5, lambda: 7) == 7
