"""The tour that `scripts/demo` gives, run as a newcomer would, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"
pytestmark = pytest.mark.xdist_group("demo")  # one process takes the tour for all of these
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/v2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tour")


@pytest.fixture(scope="module")
def tour(folder: Path) -> subprocess.CompletedProcess[str]:
    """A whole tour over a small account."""
    return subprocess.run(command(folder), env=environment(), capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A tour that has just begun to work on its account."""
    process = subprocess.Popen(
        command(tmp_path),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=listen_to_the_keyboard,  # noqa: PLW1509  it calls nothing that could hold a lock
    )
    with process:
        yield process
        process.kill()


def command(folder: Path) -> list[str]:
    return [sys.executable, str(DEMO), "--folder", str(folder), "--size", "0.05"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1"}


def listen_to_the_keyboard() -> None:
    """As in a terminal: what a shell starts in the background inherits deafness to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_tour_ends_well(tour: subprocess.CompletedProcess[str]) -> None:
    """Every command of the tour succeeds."""
    assert tour.returncode == 0, tour.stdout + tour.stderr


def test_every_command_is_shown_before_it_runs(tour: subprocess.CompletedProcess[str]) -> None:
    """A reader can type the same again."""
    verbs = [line.split()[2] for line in tour.stdout.splitlines() if line.startswith("$ boardlift")]
    assert verbs == ["init", "plan", "sync", "sync", "rollback", "rollback"]


def test_a_renamed_column_keeps_its_sql_name(tour: subprocess.CompletedProcess[str]) -> None:
    """The rename and the new column are told, and the query written before them still gives the same answer."""
    assert "column due_date keeps its name; its title changes from 'Due date'" in tour.stderr
    assert "master_production_planning: new column risk text" in tour.stderr
    assert "word for word, is answered as before: yes." in tour.stdout


def test_rolling_back_takes_the_new_column_away_and_forward_brings_it_again(
    tour: subprocess.CompletedProcess[str],
) -> None:
    """Data and shape go back together."""
    told = [line.rsplit(" ", 1)[1] for line in tour.stdout.splitlines() if line.startswith("'Risk' is a column now")]
    assert told == ["no", "yes"]


def test_nothing_is_left_running(tour: subprocess.CompletedProcess[str]) -> None:
    """The sandbox account has gone with the tour."""
    assert not is_listening(port_of(tour.stdout))


def test_the_tour_can_be_taken_again_in_the_same_folder(tour: subprocess.CompletedProcess[str], folder: Path) -> None:
    """What an earlier tour left is cleaned away; what somebody else put there is not."""
    (folder / "notes.txt").write_text("mine")
    again = subprocess.run(command(folder), env=environment(), capture_output=True, text=True, timeout=240, check=False)
    assert again.returncode == tour.returncode
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no polite request to stop")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_tour_leaves_nothing_running(started: subprocess.Popen[str], number: signal.Signals) -> None:
    """Ctrl-C or a request to stop ends the sandbox too."""
    assert started.stdout is not None
    shown = ""
    while "$ boardlift" not in shown:
        shown += started.stdout.readline()
    started.send_signal(number)
    shown += started.stdout.read()
    assert (started.wait(30), is_listening(port_of(shown))) == (128 + number, False), shown
    assert "nothing is left running" in shown


@pytest.mark.skipif(os.name != "posix", reason="Windows has no process that is killed like this")
def test_a_killed_tour_takes_its_sandbox_along(started: subprocess.Popen[str]) -> None:
    """Even without a chance to clean up, the account does not outlive the tour."""
    assert started.stdout is not None
    shown = ""
    while "$ boardlift" not in shown:
        shown += started.stdout.readline()
    started.kill()
    port, deadline = port_of(shown), time.monotonic() + 20
    while is_listening(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_listening(port)


def port_of(shown: str) -> int:
    found = ADDRESS.search(shown)
    assert found is not None, shown
    return int(found[1])
