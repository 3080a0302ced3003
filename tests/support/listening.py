"""`boardlift listen` as a process of its own, and monday.com's side of the conversation."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import duckdb
import httpx
import jwt
import pytest

from boardlift.listen.guard import PATH, SEGMENT_FILE
from boardlift.sandbox import Account, Sandbox
from support.apps import make_app
from support.commands import CommandLine, configuration

SIGNING_SECRET = "0123456789abcdef" * 4
_uuids = count(1)

Record = dict[str, Any]


def account() -> Account:
    """Two boards of twelve items, the same each time."""
    return Account.many(boards=2, items=12, columns=3)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the account was synced once."""
    folder = tmp_path_factory.mktemp("template")
    with Sandbox(account()) as sandbox, make_app(sandbox, f"duckdb:///{folder / 'warehouse.duckdb'}", folder) as app:
        app.sync()
    return folder


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(account()) as running:
        yield running


@pytest.fixture
def command(sandbox: Sandbox, template: Path, tmp_path: Path) -> CommandLine:
    """The command line in a copy of the template."""
    copytree(template, tmp_path, dirs_exist_ok=True)
    text = configuration(sandbox.url, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", account="page_size: 5")
    return CommandLine(tmp_path, token=sandbox.token, text=text)


def select(command: CommandLine, sql: str) -> list[Any]:
    """The first column of a query on the warehouse, whose file a sync may hold for a moment."""
    for _ in range(200):
        try:
            with duckdb.connect(str(command.folder / "warehouse.duckdb"), read_only=True) as base:
                return [row[0] for row in base.execute(sql).fetchall()]
        except duckdb.IOException:
            time.sleep(0.05)
    raise AssertionError("the warehouse is held for ever")


def event(board: int, item: int | None = None, *, uuid: str | None = None, **more: object) -> Record:
    """The body of a webhook about an item; a `triggerUuid` of its own unless one is given."""
    told = {"boardId": board, "pulseId": item, "type": "update_column_value", "app": "monday", **more}
    return {"event": {**told, "triggerUuid": uuid or f"{next(_uuids):032x}"}}


def token(secret: str = SIGNING_SECRET, *, expires_in: float = 300, algorithm: str = "HS256", **claims: object) -> str:
    """What monday.com puts into Authorization."""
    now = int(time.time())
    return jwt.encode({"accountId": 1, "iat": now, "exp": now + int(expires_in), **claims}, secret, algorithm)


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


class Listening:
    """The running process: its address, its log, its health."""

    def __init__(self, process: subprocess.Popen[bytes], command: CommandLine) -> None:
        self.process = process
        self.log: list[Record] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: self.told("listening") or process.poll() is not None)
        assert self.told("listening"), self.log
        self.base = f"http://127.0.0.1:{self.told('listening')[0]['port']}"
        self.url = self.base + PATH
        if "MONDAY_SIGNING_SECRET" not in command.env:
            self.url += "/" + (command.folder / ".boardlift" / SEGMENT_FILE).read_text().strip()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if not line.endswith(b"\n"):
                return  # killed while it wrote
            text = line.decode("ascii")  # a log line that is not ASCII ends the test
            self.log.append(json.loads(text) if text.startswith("{") else {"event": "words", "text": text})

    def told(self, name: str) -> list[Record]:
        return [record for record in list(self.log) if record["event"] == name]

    def post(self, body: Record, **headers: str) -> httpx.Response:
        return httpx.post(self.url, json=body, headers=headers, timeout=30)

    def health(self) -> Record:
        found: Record = httpx.get(self.base + "/health", timeout=5).json()
        return found

    def stop(self) -> int:
        """As a service manager does it."""
        self.process.terminate()
        return self.ended()

    def kill(self) -> None:
        self.process.kill()
        self.ended()

    def ended(self) -> int:
        code = self.process.wait(60)
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@contextmanager
def listening(command: CommandLine, *arguments: str) -> Iterator[Listening]:
    """Start it on a free port; it is killed at the end if it still runs."""
    process = command.start("listen", "--port", "0", "--log-json", *arguments)
    try:
        running = Listening(process, command)
        yield running
    finally:
        process.kill()
        process.wait()
