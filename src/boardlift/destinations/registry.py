"""From a URL to an open destination. A new engine is one file and one line here; its driver is imported there."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from urllib.parse import urlsplit

from boardlift.destinations.interface import Destination
from boardlift.errors import ConfigError

# URL scheme -> "module:function"; the function takes (url, namespace) and returns an open Destination.
ENGINES: dict[str, str] = {
    "duckdb": "boardlift.destinations.duckdb:connect",
    "postgresql": "boardlift.destinations.postgres:connect",
    "postgres": "boardlift.destinations.postgres:connect",
}


def open_destination(url: str, namespace: str) -> Destination:
    """Open what `url` names. Raises ConfigError for an unknown scheme, DestinationError if it is out of reach."""
    scheme = urlsplit(url).scheme
    if scheme not in ENGINES:
        raise ConfigError(
            f"No destination is called {scheme or url!r}.",
            hint=f"destination: takes a URL that begins with one of {', '.join(f'{name}://' for name in ENGINES)}",
        )
    module, function = ENGINES[scheme].split(":")
    try:
        connect: Callable[[str, str], Destination] = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The driver for {scheme}:// is not installed ({error.name} is missing).",
            hint='pip install "boardlift[postgres]"',
        ) from error
    return connect(url, namespace)
