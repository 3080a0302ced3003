"""`boardlift listen` over real HTTP: who is let in, what is answered, and how soon a change is in the table."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from shutil import rmtree

import httpx
import pytest

from boardlift.cli.errors import OK, USAGE
from boardlift.listen.guard import PATH, SEGMENT_FILE
from boardlift.sandbox import Sandbox
from support.commands import CommandLine
from support.listening import SIGNING_SECRET, command, event, listening, sandbox, select, template, token, wait_until

__all__ = ["command", "sandbox", "template"]  # fixtures
TITLE = "Häuser \N{HOUSE BUILDING} \u202eabc"


def boards(sandbox: Sandbox) -> tuple[int, int]:
    first, second = sandbox.account.boards
    return first.id, second.id


def names(command: CommandLine, table: str = "board_0001") -> set[str]:
    return set(select(command, f"SELECT name FROM monday.{table}"))


def runs(command: CommandLine) -> int:
    with closing(sqlite3.connect(command.folder / ".boardlift" / "ledger.sqlite")) as ledger:
        return int(ledger.execute("SELECT count(*) FROM runs").fetchone()[0])


def test_a_change_is_in_the_table_within_seconds(sandbox: Sandbox, command: CommandLine) -> None:
    """Only the board of the event is synced; the log is ASCII whatever the item is called."""
    board, _ = boards(sandbox)
    item = sandbox.account.board(board).item_id(0)
    with listening(command, "--quiet-for", "0.3") as running:
        sandbox.account.rename_item(item, TITLE)
        assert running.post(event(board, item)).json() == {"status": "recorded"}
        wait_until(lambda: running.told("synced"))
        assert TITLE in names(command)
        (sync,) = running.told("sync")
        assert sync["boards"] == str(board)
        health = running.health()
        assert (health["status"], health["dirty_boards"], health["last_sync"]["error"]) == ("ok", 0, "")
        assert running.stop() == OK
    assert running.told("stopped")


def test_the_database_is_free_between_syncs(sandbox: Sandbox, command: CommandLine) -> None:
    """Another process may write to the DuckDB file while the listener waits; a plain sync is not refused."""
    board, other = boards(sandbox)
    with listening(command, "--quiet-for", "0.1") as running:
        running.post(event(board, 1))
        wait_until(lambda: running.told("synced"))
        assert command.run("sync", str(other), "--quiet").code == OK


def test_only_signed_events_get_in_where_there_is_a_secret(sandbox: Sandbox, command: CommandLine) -> None:
    board, _ = boards(sandbox)
    command.env["MONDAY_SIGNING_SECRET"] = SIGNING_SECRET
    before = runs(command)
    with listening(command, "--quiet-for", "0.1") as running:
        assert running.url.endswith(PATH)
        bad = ["", "nonsense", token("f" * 64), token(expires_in=-600)]
        answers = [running.post(event(board, 1), Authorization=value) for value in bad]
        assert [answer.status_code for answer in answers] == [401] * len(bad)
        assert running.health()["dirty_boards"] == 0
        assert runs(command) == before
        assert running.post({"challenge": "3eZ"}).json() == {"challenge": "3eZ"}
        assert running.post(event(board, 1), Authorization=token()).status_code == 200
        wait_until(lambda: running.told("synced"))
        running.stop()
    shown = json.dumps(running.log)
    assert SIGNING_SECRET not in shown
    assert [value for value in bad if value and value in shown] == []


def test_a_token_must_name_our_address_where_it_is_known(sandbox: Sandbox, command: CommandLine) -> None:
    command.env["MONDAY_SIGNING_SECRET"] = SIGNING_SECRET
    board, _ = boards(sandbox)
    with listening(command, "--public-url", "https://hooks.example.com/webhooks/monday") as running:
        good, bad = token(aud="https://hooks.example.com/webhooks/monday"), token(aud="https://elsewhere.example.com")
        codes = [running.post(event(board, 1), Authorization=value).status_code for value in (bad, good)]
    assert codes == [401, 200]


def test_without_a_secret_the_address_is_the_secret(sandbox: Sandbox, command: CommandLine) -> None:
    """It says so, keeps it through restarts, and never shows it."""
    board, _ = boards(sandbox)
    segment = ""
    for _ in range(2):
        with listening(command) as running:
            segment = (command.folder / ".boardlift" / SEGMENT_FILE).read_text().strip()
            for wrong in (PATH, f"{PATH}/", f"{PATH}/{segment[:-1]}", f"{PATH}/{segment}x", "/"):
                assert httpx.post(running.base + wrong, json=event(board, 1)).status_code == 404
            assert running.post({"challenge": "x"}).status_code == 200
            assert "nobody can guess" in running.told("listening")[0]["admits"]
            running.stop()
        assert segment not in json.dumps(running.log)
    assert f"{PATH}/{segment}" in running.url


def test_a_replay_is_answered_and_does_nothing(sandbox: Sandbox, command: CommandLine) -> None:
    """Also after a restart."""
    board, _ = boards(sandbox)
    body = event(board, 1)
    with listening(command, "--quiet-for", "0.1") as running:
        assert running.post(body).json() == {"status": "recorded"}
        wait_until(lambda: running.told("synced"))
        assert [running.post(body).json() for _ in range(3)] == [{"status": "seen"}] * 3
        assert running.health()["dirty_boards"] == 0
        running.stop()
    before = runs(command)
    with listening(command, "--quiet-for", "0.1") as running:
        assert running.post(body).json() == {"status": "seen"}
        running.stop()
    assert runs(command) == before


def test_what_is_no_webhook_is_refused(sandbox: Sandbox, command: CommandLine) -> None:
    with listening(command) as running:
        for body, expected in [
            (b"not json", 400),
            (b'{"event": {"boardId": "x"}}', 400),
            (b'{"challenge": "' + b"x" * (1 << 20) + b'"}', 413),
            (iter([b"x" * 65_536] * 40), 413),  # without a length, in chunks
        ]:
            assert httpx.post(running.url, content=body, timeout=10).status_code == expected
        assert httpx.get(running.url).status_code == 405
        assert httpx.post(running.base + "/health").status_code == 405
        assert httpx.head(running.base + "/health").status_code == 200
        assert running.post(event(board := boards(sandbox)[0])).status_code == 200
        assert running.health()["dirty_boards"] == 1, board


def test_idle_connections_keep_nobody_out(sandbox: Sandbox, command: CommandLine) -> None:
    """Half a request on each of a hundred connections."""
    board, _ = boards(sandbox)
    with listening(command) as running:
        port = int(running.base.rpartition(":")[2])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        for connection in held:
            connection.sendall(b"POST /webhooks/monday HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert running.post(event(board, 1)).status_code == 200
        for connection in held:
            connection.close()


def test_events_of_other_boards_are_counted_and_nothing_more(sandbox: Sandbox, command: CommandLine) -> None:
    with listening(command, "--quiet-for", "0.1") as running:
        assert running.post(event(4711, 1)).json() == {"status": "unknown board"}
        health = running.health()
        assert (health["events"]["unknown_boards"], health["dirty_boards"]) == (1, 0)


def test_a_burst_becomes_a_few_syncs(sandbox: Sandbox, command: CommandLine) -> None:
    """500 events by twenty senders, over two boards: each is answered, no item is forgotten."""
    ids = boards(sandbox)
    items = {board: sandbox.account.board(board).item_id(3) for board in ids}
    before = runs(command)
    with listening(command, "--quiet-for", "0.5", "--at-most", "3") as running:
        with httpx.Client(timeout=30) as client, ThreadPoolExecutor(20) as senders:

            def send(number: int) -> int:
                return client.post(running.url, json=event(ids[number % 2], number)).status_code

            codes = list(senders.map(send, range(499)))
        for board, item in items.items():
            sandbox.account.rename_item(item, f"last of {board}")
        codes.append(running.post(event(ids[0], 1)).status_code)
        codes.append(running.post(event(ids[1], 1)).status_code)
        assert set(codes) == {200}
        wait_until(lambda: running.health()["dirty_boards"] == 0)
        assert running.health()["events"]["recorded"] == 501
        running.stop()
    assert runs(command) - before <= 5
    assert f"last of {ids[0]}" in names(command, "board_0001") | names(command, "board_0002")
    assert f"last of {ids[1]}" in names(command, "board_0001") | names(command, "board_0002")


def test_passes_over_all_boards_heal_what_webhooks_missed(sandbox: Sandbox, command: CommandLine) -> None:
    """Nobody says a word, and the change is there; a restart does not begin with another pass."""
    board, _ = boards(sandbox)
    with listening(command, "--every", "2s") as running:
        wait_until(lambda: running.told("synced"))
        sandbox.account.rename_item(sandbox.account.board(board).item_id(1), "unheard")
        before = len(running.told("synced"))
        wait_until(lambda: len(running.told("synced")) >= before + 2)
        running.stop()
    assert "unheard" in names(command)
    with listening(command, "--every", "1h") as running:
        running.post(event(board, 1))
        wait_until(lambda: running.told("synced"))
        assert [record["boards"] for record in running.told("sync")] == [str(board)]


@pytest.mark.parametrize("every", ["soon", "0s", "5", "-1h", "0.1s"])
def test_a_length_of_time_that_is_none_is_told(command: CommandLine, every: str) -> None:
    ended = command.run("listen", f"--every={every}")
    assert ended.code == USAGE
    assert "90s, 30m, 1h or 1d" in ended.err


def test_a_port_in_use_is_told(command: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = command.run("listen", "--port", str(taken.getsockname()[1]))
    assert ended.code == USAGE
    assert "cannot listen on 127.0.0.1" in ended.err
    assert "--port 0" in ended.err


@pytest.mark.parametrize("library", ["waitress", "jwt"])
def test_a_missing_library_is_told(command: CommandLine, library: str) -> None:
    """Where boardlift was installed without its extra."""
    (command.folder / f"{library}.py").write_text(f"raise ModuleNotFoundError('none', name={library!r})")
    path = f"{command.folder}{os.pathsep}{command.env['PYTHONPATH']}"
    ended = command.run("listen", env={"PYTHONPATH": path, "MONDAY_SIGNING_SECRET": SIGNING_SECRET})
    assert ended.code == USAGE
    assert 'pip install "boardlift[listen]"' in ended.err
    assert SIGNING_SECRET not in ended.said


def test_a_listener_that_knows_no_board_says_so(sandbox: Sandbox, command: CommandLine) -> None:
    """Before the first sync every event would be of an unknown board; a first pass over all makes them known."""
    rmtree(command.folder / ".boardlift")
    (command.folder / "warehouse.duckdb").unlink()
    board, _ = boards(sandbox)
    with listening(command) as running:
        wait_until(lambda: running.told("no_board_known"))
        assert running.post(event(board, 1)).json() == {"status": "unknown board"}
        running.stop()
    with listening(command, "--every", "1h", "--quiet-for", "0") as running:
        wait_until(lambda: running.told("synced"))
        assert running.post(event(board, 1)).json() == {"status": "recorded"}
        wait_until(lambda: len(running.told("synced")) == 2)
