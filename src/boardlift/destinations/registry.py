"""From a URL to an open destination. A new engine is one file and one line here; its driver is imported there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import urlsplit

from boardlift.destinations.interface import Destination
from boardlift.errors import ConfigError


@dataclass(frozen=True)
class Engine:
    """`where` is "module:function"; the function takes (url, namespace). `extra` of boardlift installs its driver."""

    where: str
    extra: str = ""


# By URL scheme.
ENGINES: dict[str, Engine] = {
    "duckdb": Engine("boardlift.destinations.duckdb.engine:connect"),
    "postgresql": Engine("boardlift.destinations.postgres.engine:connect", extra="postgres"),
    "postgres": Engine("boardlift.destinations.postgres.engine:connect", extra="postgres"),
    "mssql": Engine("boardlift.destinations.mssql.engine:connect", extra="mssql"),
    "mariadb": Engine("boardlift.destinations.mysql.engine:connect", extra="mysql"),
    "mysql": Engine("boardlift.destinations.mysql.engine:connect", extra="mysql"),
    "sqlite": Engine("boardlift.destinations.sqlite.engine:connect"),
}


def open_destination(url: str, namespace: str) -> Destination:
    """Open what `url` names. Raises ConfigError for an unknown scheme, DestinationError if it is out of reach."""
    scheme = urlsplit(url).scheme
    if scheme not in ENGINES:
        raise ConfigError(
            f"No destination is called {scheme or url!r}.",
            hint=f"destination: takes a URL that begins with one of {', '.join(f'{name}://' for name in ENGINES)}",
        )
    engine = ENGINES[scheme]
    module, function = engine.where.split(":")
    try:
        connect: Callable[[str, str], Destination] = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The driver for {scheme}:// is not installed ({error.name} is missing).",
            hint=f'pip install "boardlift[{engine.extra}]"'
            if engine.extra
            else "pip install --force-reinstall boardlift",
        ) from error
    return connect(url, namespace)
