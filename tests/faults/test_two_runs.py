"""Two runs at once, and Ctrl-C: the second is refused with a name, the first is unharmed, nobody is left waiting."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.cli.errors import FAILED, INTERRUPTED, OK
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from support.commands import CommandLine, configuration
from support.rounds import Rounds, rounds_live, strays
from support.warehouses import destination

__all__ = ["destination"]  # fixtures

INTERRUPTS = int(os.environ.get("BOARDLIFT_INTERRUPTS", "4"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=2, items=20, columns=4), SandboxOptions(latency_seconds=0.02)) as running:
        yield running


@pytest.mark.parametrize("state", ["shared", "apart"])
def test_the_second_of_two_runs_is_refused(sandbox: Sandbox, destination: str, tmp_path: Path, state: str) -> None:
    """With one ledger or with two (as on two machines): LeaseHeld names the holder, and the first run succeeds."""
    commands = []
    for name in ("first", "second"):
        folder = tmp_path if state == "shared" else tmp_path / name
        folder.mkdir(exist_ok=True)
        commands.append(CommandLine(folder, token=sandbox.token, text=configuration(sandbox.url, destination)))
    first, second = commands
    sandbox.service.faults.add(Fault("slow", seconds=4, operation="BundledItems"))
    process = first.start("sync", "--log-json")
    assert process.stderr is not None
    while b'"event": "reading"' not in (line := process.stderr.readline()):
        assert line, "the first run ended before it read"
    refused = second.run("sync")
    assert process.poll() is None, "the first run was over before the second was refused"
    out, err = process.communicate(timeout=60)
    assert refused.code == FAILED
    assert "Another run is writing to this destination" in refused.err
    assert f"{process.pid}" in refused.err
    assert "Production was not changed." in refused.err
    assert "\n\nhint: " in refused.err
    assert process.returncode == OK, (out, err)
    assert second.run("sync").code == OK


@pytest.mark.timeout(600)
def test_control_c_leaves_production_as_it_was_or_says_that_it_changed(
    sandbox: Sandbox, destination: str, tmp_path: Path
) -> None:
    """Pressed at any moment: exit code 130, a true sentence about what is live, and the next run needs no help."""
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    rounds = Rounds(sandbox)
    rounds.next()
    assert command.run("sync").code == OK
    moments = random.Random(7)
    ended: Counter[str] = Counter()
    for number in range(INTERRUPTS):
        new = rounds.next()
        before = rounds_live(destination)
        process = command.start("sync", "--log-json")
        assert process.stderr is not None
        events = ("planning", "promoting", "reading", "validating")
        event = events[number % len(events)]
        seen = b""
        while f'"event": "{event}"'.encode() not in (line := process.stderr.readline()):
            assert line, seen.decode()
            seen += line
        time.sleep(moments.uniform(0, 0.08))
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, rest = process.communicate(timeout=60)
        said = rest.decode()
        assert time.monotonic() - began < 5
        live = rounds_live(destination)
        assert "Traceback" not in said, said
        if process.returncode == OK:
            assert live == {new}
            ended[f"{event}: too late"] += 1
            continue
        assert process.returncode in (INTERRUPTED, -signal.SIGINT), said  # a shell shows 130 for both
        if "Production was not changed." in said:
            assert live == before
        else:
            assert "the new tables are live" in said, said
            assert live == {new}
        ended[f"{event}: {'new' if live == {new} else 'old'} is live"] += 1
        newest = command.run("runs", "--limit", "1", "--json").document["runs"][0]
        assert newest["status"] in ("failed", "succeeded")
        assert (newest["swap"] == "promoted") == (live == {new})
        assert command.run("sync").code == OK
        assert rounds_live(destination) == {new}
        assert strays(destination) == []
    print(f"{destination.split(':', maxsplit=1)[0]}: {dict(ended)}")


def test_control_c_does_not_wait_for_an_answer_that_never_comes(sandbox: Sandbox, tmp_path: Path) -> None:
    """A call that hangs holds nobody up."""
    text = configuration(sandbox.url, f"duckdb:///{tmp_path / 'w.duckdb'}")
    command = CommandLine(tmp_path, token=sandbox.token, text=text)
    sandbox.service.faults.add(Fault("slow", seconds=15, operation="BundledItems", times=None))
    process = command.start("sync", "--log-json")
    assert process.stderr is not None
    while b'"event": "reading"' not in process.stderr.readline():
        pass
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - began < 8
    assert process.returncode in (INTERRUPTED, -signal.SIGINT), said
    sandbox.service.faults.clear()
