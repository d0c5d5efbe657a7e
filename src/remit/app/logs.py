"""Logs for people and collectors: one line per event, fields instead of sentences, on stderr."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

# What `logging` puts on every record; anything else came in through `extra` and is a field of the event.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """`2026-11-20T14:25:00.123Z warning remit.catalog survey_failed server=crm reason=upstream_unreachable`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        told = " ".join(f"{name}={_plain(value)}" for name, value in fields.items())
        line = f"{at} {record.levelname.lower()} {record.name} {record.getMessage()} {told}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _plain(value: object) -> str:
    """A value that cannot break out of its line: quoted as JSON when it is more than one plain word."""
    text = str(value)
    return text if text and all(part.isalnum() or part in "._-/:@#|,+" for part in text) else json.dumps(text)


def log_to_stderr(*, verbose: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)
