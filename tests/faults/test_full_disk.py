"""A disk with no room left: the sentence says so, the hint says where, and what was live stays."""

from __future__ import annotations

import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from boardlift.cli.errors import FAILED, OK
from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, Ended, configuration

MEGABYTES = 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes, in memory."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount on this machine")
    if done.returncode:
        pytest.skip(f"this user may not mount: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Use up what room there is left, but for some bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(max(0, file.tell() - leave))
    return filler


def told_full(ended: Ended) -> None:
    """SQLite calls it an I/O error when there is no room for the index of its log."""
    assert ended.code == FAILED, ended.said
    sentence, _, hint = ended.err[ended.err.index("error: ") :].partition("\n\nhint: ")
    assert any(words in sentence for words in ("No space left on device", "disk is full", "disk I/O error"))
    assert "another connection" not in sentence
    assert "Production was not changed." in sentence
    assert "space" in hint


@pytest.mark.parametrize("leave", [0, 400_000])
@pytest.mark.parametrize("destination", ["duckdb:///{}/warehouse.duckdb", "sqlite:///{}/warehouse.db"])
def test_the_disk_of_the_destination_is_full(destination: str, leave: int, tmp_path: Path, small_disk: Path) -> None:
    """From the start, or while tables are staged. With room again, the next run succeeds."""
    with Sandbox(Account.many(boards=1, items=400, columns=20)) as sandbox:
        text = configuration(sandbox.url, destination.format(small_disk))
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        assert command.run("sync").code == OK
        live = command.run("generations", "--json").document
        filler = fill(small_disk, leave=leave)
        told_full(command.run("sync"))
        filler.unlink()
        assert command.run("generations", "--json").document == live
        assert command.run("sync").code == OK


def test_the_disk_of_the_ledger_and_the_spool_is_full(tmp_path: Path, small_disk: Path) -> None:
    """Before the first run and after it. With room again, the next run succeeds."""
    with Sandbox(Account.many(boards=1, items=400, columns=8)) as sandbox:
        text = configuration(sandbox.url, f"duckdb:///{tmp_path / 'w.duckdb'}", more=f"state: {small_disk / 'state'}")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        filler = fill(small_disk)
        told_full(command.run("sync"))
        filler.unlink()
        assert command.run("sync").code == OK
        live = command.run("generations", "--json").document
        filler = fill(small_disk)
        told_full(command.run("sync"))
        filler.unlink()
        assert command.run("generations", "--json").document == live
        assert command.run("sync").code == OK


@pytest.mark.parametrize("kilobytes", [16, 128, 512, 900, 1400])
def test_no_file_may_grow_any_more(tmp_path: Path, kilobytes: int) -> None:
    """An error, the live tables as before, and the next run with room succeeds."""
    with Sandbox(Account.many(boards=2, items=20, columns=4)) as sandbox:
        text = configuration(sandbox.url, f"duckdb:///{tmp_path / 'warehouse.duckdb'}")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        assert command.run("sync").code == OK
        before = live_rows(tmp_path / "warehouse.duckdb")

        def small() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

        full = command.run("sync", before=small)
        if full.code == OK:
            assert kilobytes >= 512
            return
        assert full.code == FAILED, full.said
        assert "Traceback" not in full.said
        assert "Something nobody foresaw" not in full.said
        assert "\n\nhint: " in full.err
        assert live_rows(tmp_path / "warehouse.duckdb") == before
        assert command.run("sync").code == OK


def live_rows(warehouse: Path) -> str:
    with duckdb.connect(str(warehouse)) as file:
        names = file.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'monday' ORDER BY 1").fetchall()
        return repr(
            [
                (name, sorted(file.execute(f"SELECT CAST(t AS VARCHAR) FROM monday.{name} t").fetchall()))
                for (name,) in names
            ]
        )
