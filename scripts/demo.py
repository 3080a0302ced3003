"""A tour of boardlift against a simulated monday.com account: every command is printed, then really run."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any
from urllib.request import Request, urlopen

import duckdb

from boardlift.cli.output import show

ROOT = Path(__file__).resolve().parent.parent
LEFT_BY_A_RUN = ("boardlift.yaml", "warehouse.duckdb", "warehouse.duckdb.wal", ".boardlift")
BOARD = "Master Production Planning"
OLD_TITLE, NEW_TITLE, ADDED_TITLE = "Due date", "Promised to customer", "Risk"
QUESTION = """\
    SELECT coalesce(factory.country, '(not given)') AS country,
           count(DISTINCT factory.item_id) AS factories,
           count(DISTINCT job.item_id) AS open_jobs,
           count(DISTINCT job.item_id) FILTER (job.due_date > sold.due_date) AS late_jobs,
           median(job.due_date - sold.due_date) FILTER (job.due_date > sold.due_date) AS days_late
    FROM monday.master_production_planning AS job
    JOIN monday.master_production_planning__factory AS made_in ON made_in.item_id = job.item_id
    JOIN monday.factories AS factory ON factory.item_id = made_in.linked_item_id
    JOIN monday.master_production_planning__order AS made_for ON made_for.item_id = job.item_id
    JOIN monday.customer_master_schedule AS sold ON sold.item_id = made_for.linked_item_id
    LEFT JOIN monday.master_production_planning__labels AS label
           ON label.column_name = 'status' AND label.label = job.status
    WHERE label.is_done IS NOT TRUE
    GROUP BY ALL
    ORDER BY late_jobs DESC
    LIMIT 5
"""


class Stopped(Exception):
    """The tour ends early, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Account:
    """The sandbox account, which runs in a process of its own."""

    url: str
    token: str
    control_url: str

    def control(self, **operation: object) -> Any:
        """What a person does in the browser; answers what came of it."""
        request = Request(  # noqa: S310  the address is the sandbox's own
            self.control_url,
            data=json.dumps(operation).encode(),
            headers={"Authorization": self.token, "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)["result"]


@contextmanager
def sandbox(size: float) -> Generator[Account]:
    """Start the account, and stop it again. It watches our end of its standard input, so it cannot outlive us."""
    command = [sys.executable, "-m", "boardlift.sandbox", "--stop-with-parent", "--size", str(size), "--latency", "0.2"]
    process = subprocess.Popen(  # noqa: S603  our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline() or b"{}")
        if not told:
            raise Stopped(1)
        yield Account(told["url"], told["token"], told["control_url"])
    finally:
        stop(process, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], number: int | None) -> None:
    """Ask a process to end with a signal (None: it has been asked already), and make sure that it does."""
    if number is not None:
        process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Tour:
    """Runs commands in the demo's folder as a user would type them, and paces what is shown."""

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self._command = Path(sys.executable).parent / "boardlift"
        self._environment = {**os.environ, "MONDAY_API_TOKEN": account.token}
        self._environment.pop("BOARDLIFT_CONFIG", None)
        self._slow = sys.stdout.isatty()
        self._step = 0

    def heading(self, text: str) -> None:
        self._step += 1
        self.pause(1.2)
        print(f"\n{bold(f'{self._step}. {text}')}", flush=True)

    def pause(self, seconds: float) -> None:
        if self._slow:
            time.sleep(seconds)

    def run(self, *arguments: str) -> None:
        """One boardlift command, its output straight to the reader."""
        self._typed("boardlift", *arguments)
        child = subprocess.Popen(  # noqa: S603  our own command
            [self._command, *arguments], cwd=self.folder, env=self._environment
        )
        try:
            code = child.wait()
        except KeyboardInterrupt:
            stop(child, None)
            raise
        except BaseException:
            stop(child, signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            raise
        if code:
            raise Stopped(code)

    def ask(self, *arguments: str) -> Any:
        """One boardlift command for its JSON answer, which is not shown."""
        done = subprocess.run(  # noqa: S603  our own command
            [self._command, *arguments, "--json"],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise Stopped(done.returncode)
        return json.loads(done.stdout)

    def query(self, sql: str) -> list[dict[str, object]]:
        """What any SQL client would read."""
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as connection:
            found = connection.execute(sql)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _typed(self, *words: str) -> None:
        self.pause(0.6)
        line = " ".join(f'"{word}"' if " " in word else word for word in words)
        print(f"\n{bold(f'$ {line}')}", flush=True)
        self.pause(0.4)


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def say(text: str) -> None:
    print(dedent(text).strip("\n"), flush=True)


def answer(rows: list[dict[str, object]]) -> None:
    columns = tuple(rows[0])
    show("", rows, columns, right=tuple(name for name in columns if not isinstance(rows[0][name], str)))
    sys.stdout.flush()


def tour(folder: Path, account: Account) -> None:
    """The whole tour."""
    show_the = Tour(folder, account)
    show_the.heading("A monday.com account to work on")
    items = sum(board["items"] for board in account.control(op="boards"))
    say(f"""
        A simulated account with {items:,} items answers at {account.url}
        (a process of its own; it takes 0.2 s for each call; nothing leaves this machine).
        The commands below run in {shown(folder)}/, with MONDAY_API_TOKEN set to the account's token.
    """)
    show_the.run("init", "--url", account.url, "--all")

    show_the.heading("What would be lifted, and what it would cost")
    show_the.run("plan")

    show_the.heading("Lift everything: read, check against monday, swap in with one commit")
    show_the.run("sync")

    show_the.heading("Ask something: which countries' factories are late on customer orders?")
    print(f"\n{indent(dedent(QUESTION), '    ')}", flush=True)
    before = show_the.query(QUESTION)
    answer(before)

    show_the.heading(f"Somebody edits the board {BOARD!r}")
    board = next(str(each["id"]) for each in account.control(op="boards") if each["name"] == BOARD)
    shape = show_the.ask("boards", "show", board)
    column = next(row["column_id"] for row in shape["columns"] if row["title"] == OLD_TITLE)
    account.control(op="rename_column", board=board, column=column, title=NEW_TITLE)
    added = account.control(op="add_column", board=board, type="status", title=ADDED_TITLE, filled=0.7)
    say(f"In the browser: the column {OLD_TITLE!r} is renamed to {NEW_TITLE!r}, and a column {ADDED_TITLE!r} is added.")
    show_the.run("sync", BOARD)

    show_the.heading("No name broke")
    print(f"\nFrom `boardlift boards show {board}`, the two columns:", flush=True)
    shape = show_the.ask("boards", "show", board)
    rows = [row for row in shape["columns"] if row["column_id"] in (column, added)]
    show("", rows, ("column_id", "title", "column", "sql_type", "part"))
    same = show_the.query(QUESTION) == before
    say(f"The question of step 4, word for word, is answered as before: {'yes' if same else 'NO'}.")

    show_the.heading("Roll the table back, and forward again")
    table = shape["table"]
    show_the.run("rollback", table)
    say(f"{ADDED_TITLE!r} is a column now: {has_column(show_the, table, added, shape)}")
    show_the.run("rollback", table, "--forward")
    say(f"{ADDED_TITLE!r} is a column now: {has_column(show_the, table, added, shape)}")


def has_column(show_the: Tour, table: str, column_id: str, shape: dict[str, Any]) -> str:
    name = next(row["column"] for row in shape["columns"] if row["column_id"] == column_id)
    sql = f"SELECT column_name FROM (DESCRIBE monday.{table}) WHERE column_name = '{name}'"
    return "yes" if show_the.query(sql) else "no"


def shown(folder: Path) -> Path:
    return folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder


def farewell(folder: Path) -> None:
    print(f"\n{bold('Now with your own account')}\n")
    say(f"""
        . .venv/bin/activate
        export MONDAY_API_TOKEN=...    # monday.com: your avatar > Developers > API token
        boardlift init                 # choose the boards
        boardlift doctor               # is everything in place?
        boardlift sync --test          # 500 items of each board, into tables of their own
        boardlift sync

        The tables of this tour are in {shown(folder) / "warehouse.duckdb"}; the sandbox has been stopped.
    """)


@contextmanager
def signals_end_the_tour() -> Generator[None]:
    """A polite request to stop unwinds like Ctrl-C, so that whatever runs is stopped on the way out."""

    def end(number: int, _frame: object) -> None:
        raise Stopped(128 + number)

    wanted = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def clean(folder: Path) -> None:
    """Take away what an earlier tour left, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LEFT_BY_A_RUN:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "demo", help="where the tables go (default: demo/)")
    parser.add_argument("--size", type=float, default=1.0, help="1 is about 12,000 items")
    given = parser.parse_args()
    folder = given.folder.resolve()
    clean(folder)
    try:
        with signals_end_the_tour(), sandbox(given.size) as account:
            tour(folder, account)
        farewell(folder)
    except KeyboardInterrupt:
        print("\nThe tour was interrupted; nothing is left running.", file=sys.stderr)
        return 130
    except Stopped as stopped:
        print(f"\nThe tour ended early (exit code {stopped.code}); nothing is left running.", file=sys.stderr)
        return stopped.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
