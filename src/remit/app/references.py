"""Where `${env:NAME}` and `${file:PATH}` lead: the one place that knows."""

from __future__ import annotations

import os
from collections.abc import Mapping

from remit.adapters.credentials.sources import EnvironmentSource, FileSource, Source
from remit.app.settings import Configuration
from remit.core.secret import Secret


def sources(configuration: Configuration) -> Mapping[str, Source]:
    """By kind. Paths are relative to the configuration's folder."""
    files = FileSource()
    return {"env": EnvironmentSource(os.environ), "file": lambda name: files(str(configuration.path(name)))}


def of_environment(name: str) -> Secret:
    """The secret in this variable of the environment. Raises `Outage` if it is not set or empty."""
    return EnvironmentSource(os.environ)(name)
