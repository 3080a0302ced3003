"""Where the examples of one page run: a folder, a sandbox account, a destination, an environment."""

from __future__ import annotations

import io
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import httpx
import psycopg
import pytest

import boardlift
from boardlift.cli import main
from boardlift.destinations import registry
from boardlift.sandbox import Account, Sandbox, SandboxOptions

SANDBOX = "127.0.0.1:8065"
LISTENER = "127.0.0.1:8066"
FOLDER = "/home/ann"
POSTGRES = "postgresql://etl@warehouse/analytics"
IDENTITY = "postgresql://warehouse/analytics"
SIZE = 0.02
CONFIG = """\
account: {url: "http://127.0.0.1:8065/v2"}
destination: duckdb:///warehouse.duckdb
boards:
  - id: 18400000202  # Inventory
  - id: 18400000101  # Factories
"""
_LOG = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warning) .*\n?", re.M)

Scene = Callable[["Stage"], None]


@dataclass
class Stage:
    """`names` are what the page says -> what is so here; outputs are turned back before they are compared."""

    folder: Path
    sandbox: Sandbox
    patch: pytest.MonkeyPatch
    stack: ExitStack
    postgres: str = ""
    names: dict[str, str] = field(default_factory=dict)
    code: int = 0
    lease: ExitStack = field(default_factory=ExitStack)

    def here(self, text: str) -> str:
        """A page's text with the names of this place."""
        for said, meant in self.names.items():
            text = text.replace(said, meant)
        return text

    def back(self, text: str) -> str:
        """An output in the words of the page."""
        for said, meant in sorted(self.names.items(), key=lambda pair: -len(pair[1])):
            text = text.replace(meant, said)
        return _LOG.sub("", text)

    def run(self, line: str) -> str:
        """Run one command line. Returns what it printed, in the order it was printed."""
        words = shlex.split(self.here(line), comments=True)
        match words:
            case ["export", *settings]:
                for each in settings:
                    name, _, value = each.partition("=")
                    self.patch.setenv(name, value)
                return ""
            case ["unset", name]:
                self.patch.delenv(name)
                return ""
            case ["mkdir", folder]:
                Path(folder).mkdir()
                return ""
            case ["cd", folder]:
                self.patch.chdir(folder)
                return ""
            case ["cat", name]:
                return self.back(Path(name).read_text(encoding="utf-8"))
            case ["echo", "$?"]:
                return str(self.code)
            case ["boardlift", "sandbox", *rest]:
                return self.back(self._serve(rest))
            case ["boardlift", "listen", *rest]:
                return self._listen(rest)
            case ["curl", "-s", url]:
                return httpx.get(url).text
            case ["boardlift", *rest]:
                return self.back(self._boardlift(rest))
        raise AssertionError(f"no example may run {line!r}")

    def _boardlift(self, arguments: list[str]) -> str:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            self.code = main(arguments)
        return out.getvalue()

    def _serve(self, arguments: list[str]) -> str:
        """A sandbox of its own process, until the page ends. Talk goes to its stderr, which comes first."""
        command = [sys.executable, "-m", "boardlift", "sandbox", *arguments, "--port", "0"]
        # The tests may run from the sources, under a relative PYTHONPATH that leads nowhere from this folder.
        environment = {**os.environ, "PYTHONPATH": str(Path(boardlift.__file__).parents[1])}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None and process.stderr is not None

        def stop() -> None:
            process.kill()
            process.communicate()

        self.stack.callback(stop)
        text = process.stderr.readline() + process.stdout.readline() + process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", text)
        assert found, text
        self.names[SANDBOX] = found[0]
        return text

    def _listen(self, arguments: list[str]) -> str:
        """A listener of its own process, until the page ends. What it logs goes to the page as far as it is up."""
        command = [sys.executable, "-m", "boardlift", "listen", *arguments, "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(Path(boardlift.__file__).parents[1])}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr is not None

        def stop() -> None:
            process.kill()
            process.communicate()

        self.stack.callback(stop)
        text = process.stderr.readline() + process.stderr.readline()
        found = re.search(r"listening .*port=(\d+)", text)
        assert found, text
        self.names[LISTENER] = f"127.0.0.1:{found[1]}"
        return text.replace(found[1], LISTENER.rpartition(":")[2])

    def query(self, sql: str) -> str:
        """Run a page's SQL on its destination; the rows of the last statement, as a terminal shows them."""
        if self.postgres:
            with psycopg.connect(self.postgres, autocommit=True) as connection:
                cursor = connection.execute(self.here(sql).encode())
                while cursor.nextset():
                    pass
                if cursor.description is None:
                    return ""
                return as_text([column.name for column in cursor.description], cursor.fetchall())
        if Path("warehouse.db").exists():
            return self._query_sqlite(sql)
        with duckdb.connect(str(Path.cwd() / "warehouse.duckdb")) as base:
            base.execute("SET TimeZone = 'UTC'")
            result = base.execute(self.here(sql))
            names = [column[0] for column in result.description or []]
            return "" if names in ([], ["Count"]) else as_text(names, result.fetchall())

    def _query_sqlite(self, sql: str) -> str:
        """Statement after statement, for SQLite takes one at a time."""
        with closing(sqlite3.connect("warehouse.db", isolation_level=None)) as base:
            names: list[str] = []
            rows: list[tuple[object, ...]] = []
            statement = ""
            for line in self.here(sql).splitlines(keepends=True):
                statement += line
                if sqlite3.complete_statement(statement):
                    cursor = base.execute(statement)
                    names, rows = [column[0] for column in cursor.description or []], cursor.fetchall()
                    statement = ""
            return as_text(names, rows) if names else ""


def as_text(names: list[str], rows: list[tuple[object, ...]]) -> str:
    """Rows as psql prints them."""
    cells = [names, *(["" if value is None else _shown(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
    lines = [" | ".join(f" {cell:<{width}}"[1:] for cell, width in zip(row, widths, strict=True)) for row in cells]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def stage(
    folder: Path, patch: pytest.MonkeyPatch, *, configured: bool, postgres: str = "", size: float = SIZE
) -> Iterator[Stage]:
    """A fresh account of a few hundred items and a fresh folder, which is the current one."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(Account(size=size), SandboxOptions()))
        patch.chdir(folder)
        patch.setenv("MONDAY_API_TOKEN", sandbox.token)
        patch.delenv("BOARDLIFT_CONFIG", raising=False)
        patch.setattr(registry, "ENGINES", dict(registry.ENGINES))  # a page may register an engine of its own
        names = {SANDBOX: sandbox.url.split("/")[2], FOLDER: folder.as_posix()}
        if postgres:
            # The page's statements are the owner's; boardlift itself is the role they make.
            database = urlsplit(postgres).path.lstrip("/")
            as_etl = postgres.replace("//postgres@", "//etl@", 1)
            names = {POSTGRES: as_etl, "DATABASE analytics": f"DATABASE {database}", **names}
        made = Stage(folder, sandbox, patch, stack, postgres, names)
        if postgres:
            from boardlift.destinations.postgres.errors import read_url

            made.names[IDENTITY] = read_url(postgres).identity
        if configured:
            text = made.here(CONFIG)
            if postgres:
                text = text.replace("duckdb:///warehouse.duckdb", f'"{names[POSTGRES]}"')
            (folder / "boardlift.yaml").write_text(text, encoding="utf-8")
        stack.callback(made.lease.close)
        yield made
