"""`kill -9` at any moment of a sync: what is live is one whole generation, and the next run needs no help."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration
from support.rounds import Rounds, rounds_live, strays
from support.warehouses import destination

__all__ = ["destination"]  # fixtures

KILLS = int(os.environ.get("BOARDLIFT_KILLS", "4"))
"""How many runs are killed for each engine. The promise was tested with 30."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=3, items=30, columns=8)) as running:
        yield running


@pytest.mark.timeout(900)
def test_a_killed_sync_leaves_one_whole_generation(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """Killed anywhere, also in the swap: all live tables are of one run, old or new, and the next run succeeds."""
    text = configuration(sandbox.url, destination, account="page_size: 10", more="defaults:\n  keep_generations: 2")
    command = CommandLine(tmp_path, token=sandbox.token, text=text)
    rounds = Rounds(sandbox)
    rounds.next()
    began = time.monotonic()
    assert command.run("sync").code == 0
    whole = time.monotonic() - began
    moments = random.Random(20261122)
    ended: Counter[str] = Counter()
    for number in range(KILLS):
        new = rounds.next()
        process = command.start("sync", "--log-json")
        if number % 2:
            phase = kill_after(process, moments.uniform(0.25, 1.0) * whole, "")
        else:
            # Half of the kills fall into the short time in which the tables are swapped and old ones dropped.
            phase = kill_after(process, moments.uniform(0.0, 0.15), "promoting")
        live = rounds_live(destination)
        assert live in ({new - 1}, {new}), f"killed in {phase}: round {new} was coming, live are {live}"
        ended[f"{phase}: {'new' if live == {new} else 'old'} is live"] += 1
        told(command, process, swapped=live == {new})
        done = command.run("sync", "--json")
        assert done.code == 0, done.err
        assert rounds_live(destination) == {new}
        assert strays(destination) == []
    print(f"{destination.split(':', maxsplit=1)[0]}: {KILLS} kills in a run of {whole:.2f} s: {dict(ended)}")


def kill_after(process: subprocess.Popen[bytes], seconds: float, event: str) -> str:
    """Kill it `seconds` after the event was logged (after the start without one). out: the last event of its log."""
    lines: list[bytes] = []
    seen = threading.Event()

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if event and f'"event": "{event}"'.encode() in line:
                seen.set()
        seen.set()

    listener = threading.Thread(target=listen)
    listener.start()
    if event:
        assert seen.wait(60)
    time.sleep(seconds)
    process.kill()
    process.wait()
    listener.join()
    assert process.stdout is not None
    process.stdout.close()
    events = [line.split(b'"event": "')[1].split(b'"')[0].decode() for line in lines if b'"event": "' in line]
    return events[-1] if events else "starting"


def told(command: CommandLine, process: subprocess.Popen[bytes], *, swapped: bool) -> None:
    """`boardlift runs` says of the killed run that it crashed, or succeeded if it was over before."""
    newest = command.run("runs", "--limit", "1", "--json").document["runs"][0]
    if f"process {process.pid}:" not in newest["by"]:
        return  # killed before it had begun
    if process.returncode == 0 or newest["status"] == "succeeded":
        assert swapped
        return
    assert newest["status"] == "crashed"
    assert newest["error"]
    assert newest["swap"] in (("promoted", "open") if swapped else ("", "open"))
