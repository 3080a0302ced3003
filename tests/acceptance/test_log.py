"""What is printed where: data on stdout, talk on stderr, and log records in ASCII that can be read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.cli.errors import OK
from boardlift.sandbox import Account, Fault, Sandbox
from support.commands import CommandLine, configuration

TITLE = "🚀 Größe עברית \u202etxt.exe \x1b[31m \u2028 \x07"


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    with Sandbox(Account.many(boards=2, items=30, columns=4)) as sandbox:
        for number, board in enumerate(sandbox.account.boards):
            sandbox.account.rename_board(board.id, f"{TITLE} {number}")
        sandbox.service.faults.add(Fault("cursor_expired", operation="NextItems", after=1))
        sandbox.service.faults.add(Fault("429_retry_in_seconds", operation="BundledItems", seconds=1))
        text = configuration(sandbox.url, f"duckdb:///{tmp_path / 'w.duckdb'}", account="page_size: 10")
        yield CommandLine(tmp_path, token=sandbox.token, text=text)


def test_json_log_lines_are_ascii_and_can_be_read_back(command: CommandLine) -> None:
    """Each record is one line of ASCII JSON, with the title exactly as it was."""
    ended = command.run("sync", "--log-json")
    assert ended.code == OK, ended.err
    records = [line for line in ended.err.splitlines() if line.startswith("{")]
    assert all(line.isascii() and line.isprintable() for line in records)
    read = [json.loads(line) for line in records]
    assert {"timestamp", "level", "event"} <= set(read[0])
    assert f"{TITLE} 0" in {record.get("board") for record in read}
    events = {record["event"] for record in read}
    assert {"planning", "reading", "board_started", "board_read", "waiting", "promoting"} <= events


def test_text_log_lines_are_ascii(command: CommandLine) -> None:
    """Emoji, right-to-left marks and control characters of a title are written as escapes."""
    ended = command.run("sync")
    assert ended.code == OK, ended.err
    records = [line for line in ended.err.split("\n") if line[:2] == "20"]
    assert len(records) > 5
    assert all(line.isascii() and line.isprintable() for line in records)
    assert any("\\ud83d\\ude80" in line for line in records)


def test_a_title_cannot_play_with_the_terminal(command: CommandLine) -> None:
    """Control characters of titles are in no output, neither in tables nor in talk."""
    for arguments in (("boards",), ("plan",), ("sync",), ("runs",), ("check",)):
        ended = command.run(*arguments)
        for mark in ("\x1b", "\x07", "\u202e", "\u2028"):
            assert mark not in ended.said, (arguments, ended.said)


def test_data_goes_to_stdout_and_nothing_else_does(command: CommandLine) -> None:
    """With `--json`, standard output is one JSON document, whatever was logged meanwhile; `--quiet` logs nothing."""
    ended = command.run("sync", "--json", "--log-json")
    assert ended.document["status"] == "succeeded"
    assert all(line.startswith("{") for line in ended.err.splitlines())
    quiet = command.run("sync", "--json", "--quiet")
    assert quiet.document["status"] == "succeeded"
    assert quiet.err == ""


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    """Titles with emoji do not break a sync whose output goes to a place that cannot show them."""
    with Sandbox(Account.many(boards=1, items=3, columns=2)) as sandbox:
        sandbox.account.rename_board(sandbox.account.boards[0].id, "Größe 🚀 עברית")
        text = configuration(sandbox.url, f"duckdb:///{tmp_path / 'w.duckdb'}")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        for arguments in (("boards",), ("plan",), ("sync",), ("runs",), ("sync", "--json"), ("boards", "--json")):
            ended = command.run(*arguments, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
            assert ended.code == OK, (arguments, ended.said)
            if "--json" in arguments:
                assert "Größe 🚀 עברית" in repr(ended.document)
