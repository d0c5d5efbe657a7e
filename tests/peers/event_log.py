"""Memory of what was sent on each stream, so that a client of 2025-11-25 can resume with `Last-Event-ID`."""

from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import JSONRPCMessage


class EventLog(EventStore):
    """Keeps every event for the life of the process: right for a fixture, wrong for a service.

    The SDK names a stream by the request id alone, so two sessions share stream names. Each priming event (a stored
    None) begins a new stream, and a replay ends where the next one begins.
    """

    def __init__(self) -> None:
        self._events: list[tuple[StreamId, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        if not last_event_id.isdigit() or not 0 < int(last_event_id) <= len(self._events):
            return None
        position = int(last_event_id)
        stream_id = self._events[position - 1][0]
        for number, (stream, message) in enumerate(self._events[position:], position + 1):
            if stream != stream_id:
                continue
            if message is None:
                break
            await send_callback(EventMessage(message, str(number)))
        return stream_id
