"""The ledger's SQL: written in `.sql` files beside this one, asked for by name, never put together from pieces."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_HEADER = re.compile(r"^-- ([a-z_]+): (.+)$", re.MULTILINE)


def script(name: str) -> str:
    """The text of one `.sql` file of this package. FileNotFoundError when there is none."""
    return files("boardlift.ledger").joinpath(name).read_text(encoding="utf-8")


@cache
def queries() -> Mapping[str, str]:
    """Every query of queries.sql by its name. ValueError when two share one."""
    pieces = _HEADER.split(script("queries.sql"))[1:]
    found: dict[str, str] = {}
    for name, sql in zip(pieces[::3], pieces[2::3], strict=True):
        if name in found:
            raise ValueError(f"two queries are called {name}")
        found[name] = sql.strip()
    return MappingProxyType(found)


def split(text: str) -> Iterator[str]:
    """The statements of a script, one by one; triggers with statements inside stay whole. Each ends its line.

    sqlite3's own `executescript` commits first, which would tear a migration out of its transaction.
    """
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    if re.sub(r"--.*", "", pending).strip():
        raise ValueError(f"a script ends inside a statement: {pending.strip()[:60]}")
