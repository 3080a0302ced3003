"""A sync killed between two of its commits: each board is whole, the ledger says which are new, the next run heals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration
from support.rounds import Rounds, strays

BOARDS = 5
# Every board has a commit of its own there, and the process ends as by `kill -9` before the n-th of them.
KILLED = """
import dataclasses, os, signal, sys
from boardlift.destinations.{module}.engine import {engine}
from boardlift.load import pace
from boardlift.__main__ import main

pace.MOST = 1
nth = int(sys.argv.pop(1))
promote, rollback, begun = {engine}.promote, {engine}.rollback, 0

def counted(swap):
    def one(self, run_id, groups):
        global begun
        begun += 1
        if begun == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return swap(self, run_id, groups)
    return one

{engine}.promote, {engine}.rollback = counted(promote), counted(rollback)
{engine}.capabilities = dataclasses.replace({engine}.capabilities, tables_in_one_commit=1)
main()
"""


def killed(command: CommandLine, nth: int, *arguments: str) -> None:
    """Run a command whose process is killed before the n-th commit."""
    program = KILLED.format(module="postgres", engine="Postgres")
    done = subprocess.run(
        [sys.executable, "-c", program, str(nth), *arguments],
        cwd=command.folder,
        env=command.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def rounds_of(url: str) -> dict[str, int]:
    """The round that each live table is of."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'monday' ORDER BY 1"
        ).fetchall()
        found = {}
        for (name,) in names:
            if "__" not in name:
                asked = f"SELECT name FROM monday.{name} WHERE name LIKE 'round %'"
                ((title,),) = connection.execute(asked.encode()).fetchall()
                found[name] = int(title.removeprefix("round "))
        return found


def generations(command: CommandLine) -> dict[str, int]:
    found = command.run("generations", "--json").document
    return {one["board_id"]: one["generation"] for one in found["generations"] if one["state"] == "live"}


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of POSIX")
@pytest.mark.parametrize("nth", [1, 2, BOARDS])
def test_a_run_killed_between_two_commits_is_told_as_it_is(postgres_url: str, tmp_path: Path, nth: int) -> None:
    """Of five boards those before the n-th commit are new, the others old, all whole, and the ledger knows."""
    with Sandbox(Account.many(boards=BOARDS, items=12, columns=6)) as sandbox:
        text = configuration(sandbox.url, postgres_url, more="defaults:\n  keep_generations: 3")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        rounds = Rounds(sandbox)
        old = rounds.next()
        assert command.run("sync").code == 0
        first = generations(command)
        new = rounds.next()
        killed(command, nth, "sync")
        live = rounds_of(postgres_url)
        assert sorted(live.values()) == [old] * (BOARDS - nth + 1) + [new] * (nth - 1)
        now = generations(command)
        advanced = {board for board in now if now[board] > first[board]}
        assert len(advanced) == nth - 1
        done = command.run("sync", "--json")
        assert done.code == 0, done.err
        assert set(rounds_of(postgres_url).values()) == {new}
        crashed = command.run("runs", "--limit", "2", "--json").document["runs"][1]
        assert crashed["status"] == "crashed"
        assert crashed["swap"] == ("promoted in part" if advanced else "abandoned")
        assert set(crashed["not_promoted"]) == (set(now) - advanced if advanced else set())
        assert strays(postgres_url) == []


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of POSIX")
def test_a_rollback_killed_between_two_commits_is_told_and_can_be_done_again(postgres_url: str, tmp_path: Path) -> None:
    """Each board is old or new as a whole; a sync after it brings all of them to what monday has."""
    with Sandbox(Account.many(boards=BOARDS, items=12, columns=6)) as sandbox:
        command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, postgres_url))
        rounds = Rounds(sandbox)
        for _ in range(2):
            newest = rounds.next()
            assert command.run("sync").code == 0
        killed(command, 3, "rollback", "--all")
        assert sorted(rounds_of(postgres_url).values()) == [newest - 1] * 2 + [newest] * (BOARDS - 2)
        done = command.run("sync", "--json")
        assert done.code == 0, done.err
        assert set(rounds_of(postgres_url).values()) == {newest}
        crashed = command.run("runs", "--limit", "2", "--json").document["runs"][1]
        assert (crashed["swap"], len(crashed["not_promoted"])) == ("promoted in part", BOARDS - 2)
        assert strays(postgres_url) == []
