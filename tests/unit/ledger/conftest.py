"""A ledger in a real file, a clock that a test owns, and second processes that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import boardlift
from boardlift.ledger import Ledger

PREAMBLE = """
import sys, time
from pathlib import Path
from boardlift.clock import SystemClock
from boardlift.ledger import *
ledger = Ledger.open(Path(sys.argv[1]), SystemClock())
def say(word):
    print(word, flush=True)
"""


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 20, 15, 30, 123456, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(path, clock) as opened:
        yield opened


@pytest.fixture
def spawn(path: Path) -> Iterator[Spawn]:
    """Start another Python process with `ledger` open on the same file; its `say()` is read from stdout."""
    started: list[subprocess.Popen[str]] = []
    package = Path(boardlift.__file__).parents[1]

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code, str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(package)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def heard() -> Callable[[subprocess.Popen[str]], str]:
    """The next word another process says; its error when it died instead."""

    def listen(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        assert process.stderr is not None
        word = process.stdout.readline().strip()
        return word or pytest.fail(f"the other process said nothing: {process.stderr.read()}")

    return listen
