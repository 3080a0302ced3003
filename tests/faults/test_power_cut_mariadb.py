"""A MariaDB server that dies while a swap is decided comes back with one whole generation."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from boardlift.destinations.interface import Replace, State
from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.session import Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import Composable
from support.generations import PLANNING, staged
from support.mariadb import Server, leftovers, own_server

WHOLE = bool(os.environ.get("BOARDLIFT_WHOLE"))
ROUNDS = 12 if WHOLE else 4
DURABLE = "--innodb-flush-log-at-trx-commit=1"
"""What is committed survives the process, as it does unless somebody asks for the contrary."""
TABLES = [replace(PLANNING, name=f"t{n}") for n in range(12)]


class PowerCut:
    """Kills the server so many seconds after the first of the statements that make a generation live; None: never.

    `took` is how long they took, from the first to the end of the last.
    """

    def __init__(self, server: Server, after: float | None) -> None:
        self._server, self._after = server, after
        self._began: float | None = None
        self._timer: threading.Timer | None = None
        self.took = 0.0

    def __call__(self, text: str, send: Callable[[], int]) -> int:
        if text != "COMMIT" and "RENAME TABLE" not in text:
            return send()
        if self._began is None:
            self._began = time.monotonic()
            if self._after is not None:
                self._timer = threading.Timer(self._after, self._server.kill)
                self._timer.start()
        try:
            return send()
        finally:
            self.took = time.monotonic() - self._began

    def wait(self) -> None:
        assert self._timer is not None
        self._timer.join()


def promoted(destination: MySQL, number: int, way: Replace, cut: PowerCut, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promote a generation of all tables, unless the server dies."""
    groups = [staged(destination, number, table=table, group=table.name) for table in TABLES]
    run = Session.run

    def watched(session: Session, statement: Composable) -> int:
        return cut(statement.text, lambda: run(session, statement))

    with monkeypatch.context() as patched, suppress(DestinationError):
        patched.setattr(Session, "run", watched)
        destination.promote("run", [replace(group, replace=way) for group in groups])


def names(destination: MySQL) -> set[object]:
    """What the rows of all tables say: of a generation, all say the same."""
    return {name for t in TABLES for (name,) in destination.query(f"SELECT DISTINCT name FROM monday.{t.name}")[1]}


@pytest.fixture
def server() -> Iterator[Server]:
    made = own_server(DURABLE)
    yield made
    made.stop()


@pytest.mark.parametrize("way", [Replace.SWAP, Replace.IN_PLACE])
def test_a_server_killed_in_the_middle_comes_back_with_one_generation(
    server: Server, way: Replace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at the first of the deciding statements, in the midst of them, and after: old or new, for every reader."""
    destination = MySQL(server.url, "monday")
    destination.prepare()
    for number in (1, 2):
        calm = PowerCut(server, None)
        promoted(destination, number, way, calm, monkeypatch)
    for turn in range(ROUNDS):
        cut = PowerCut(server, 1.2 * calm.took * turn / (ROUNDS - 1))
        promoted(destination, number + 1, way, cut, monkeypatch)
        cut.wait()
        destination.close()
        server.start(DURABLE)
        destination = MySQL(server.url, "monday")
        at_once = names(destination)
        destination.prepare()
        live = {g.number for g in destination.generations() if g.state is State.LIVE}
        assert len(live) == 1
        number = live.pop()
        assert at_once == names(destination) == {f"g{number}"}
        destination.drop_staged()
        assert leftovers(destination) == set()
    destination.close()
