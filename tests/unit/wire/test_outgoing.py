"""What leaves in one turn leaves together, per connection in order, and nothing is lost to a close."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from remit.wire.outgoing import WAITING_BYTES_MAX, Outgoing, Turn


class FakeTransport:
    def __init__(self, log: list[tuple[str, bytes]], name: str = "a") -> None:
        self.log, self.name = log, name
        self.closing = False

    def write(self, data: bytes) -> None:
        self.log.append((self.name, data))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        self.log.append((self.name, b"closed"))

    def abort(self) -> None:
        self.closing = True
        self.log.append((self.name, b"aborted"))


class Scene:
    """Two connections and one loop, whose turn ends when the test says so."""

    def __init__(self) -> None:
        self.log: list[tuple[str, bytes]] = []
        self.asked: list[Callable[[], None]] = []
        self.alone = False
        turn = Turn(self.asked.append, lambda: self.alone)
        self.transports = {name: FakeTransport(self.log, name) for name in "ab"}
        self.out = {name: Outgoing(transport, turn) for name, transport in self.transports.items()}

    def end_turn(self) -> None:
        asked, self.asked[:] = list(self.asked), []
        for flush in asked:
            flush()


def test_nothing_leaves_before_the_turn_ends_and_then_each_connection_writes_once() -> None:
    scene = Scene()
    scene.out["a"].write(b"head ")
    scene.out["b"].write(b"other")
    scene.out["a"].write(b"body")
    assert (scene.log, len(scene.asked)) == ([], 1)
    scene.end_turn()
    assert scene.log == [("a", b"head body"), ("b", b"other")]
    scene.end_turn()
    assert len(scene.log) == 2


def test_a_later_turn_is_asked_for_again() -> None:
    scene = Scene()
    for data in (b"1", b"2"):
        scene.out["a"].write(data)
        scene.end_turn()
    assert scene.log == [("a", b"1"), ("a", b"2")]


def test_a_call_that_is_alone_waits_for_nothing_and_overtakes_nothing() -> None:
    scene = Scene()
    scene.out["a"].write(b"first ")
    scene.alone = True
    scene.out["a"].write(b"second")
    scene.out["b"].write(b"other")
    assert scene.log == [("a", b"first second"), ("b", b"other")]
    scene.end_turn()
    assert len(scene.log) == 2


def test_what_was_written_leaves_before_a_close() -> None:
    scene = Scene()
    scene.out["a"].write(b"answer")
    scene.out["a"].close()
    scene.end_turn()
    assert scene.log == [("a", b"answer"), ("a", b"closed")]


def test_what_was_written_never_leaves_after_an_abort() -> None:
    scene = Scene()
    scene.out["a"].write(b"request")
    scene.out["a"].abort()
    scene.end_turn()
    assert scene.log == [("a", b"aborted")]


def test_a_connection_lost_meanwhile_holds_up_no_other() -> None:
    scene = Scene()
    scene.out["a"].write(b"for nobody")
    scene.out["b"].write(b"for somebody")
    scene.transports["a"].closing = True
    scene.end_turn()
    assert scene.log == [("b", b"for somebody")]


def test_more_than_may_wait_is_written_at_once_so_that_a_slow_reader_is_noticed() -> None:
    scene = Scene()
    scene.out["a"].write(b"x" * WAITING_BYTES_MAX)
    assert scene.log == []
    scene.out["a"].write(b"y")
    assert [len(data) for _, data in scene.log] == [WAITING_BYTES_MAX + 1]
    scene.end_turn()
    assert len(scene.log) == 1


STEPS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "turn", "alone", "not alone"]), st.binary(min_size=1, max_size=40_000)),
    max_size=30,
)


@given(STEPS)
def test_every_byte_arrives_once_and_in_order(steps: list[tuple[str, bytes]]) -> None:
    scene, sent = Scene(), {"a": b"", "b": b""}
    for where, data in steps:
        if where == "turn":
            scene.end_turn()
        elif where in ("alone", "not alone"):
            scene.alone = where == "alone"
        else:
            scene.out[where].write(data)
            sent[where] += data
    scene.end_turn()
    for name, expected in sent.items():
        assert b"".join(data for to, data in scene.log if to == name) == expected
