"""The spool of a run: its manifest, its verification, its end."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import msgspec
import pytest

from boardlift.errors import BoardliftError, ConfigError
from boardlift.spool import Page, SpoolRun, Window, files, prune
from boardlift.spool import manifest as manifests
from boardlift.spool.manifest import BoardEntry, Manifest
from support.clocks import FastClock


def read(run: SpoolRun, board_id: str, *ids: int, cursor: str | None = None) -> Window:
    writer = run.window_writer(board_id)
    writer.add(Page(board_id, 1, [msgspec.Raw(b'{"id":"%d"}' % n) for n in ids], cursor, 0, 10, "req-9", "2026-10"))
    return writer.seal()


@pytest.fixture
def run(tmp_path: Path) -> SpoolRun:
    return SpoolRun.open(tmp_path, "run-1", api_version="2026-10")


def test_the_manifest_is_the_certificate(run: SpoolRun) -> None:
    """What was counted, what came, and at what cost, on disk as soon as it is known."""
    run.begin("1", 3)
    read(run, "1", 1, 2, cursor="c")
    read(run, "1", 3)
    run.finish("1", calls=2, points=40, retries=1, waited_seconds=1.23456, errors=["x"])
    found = json.loads((run.folder / "manifest.json").read_text())
    board = found["boards"]["1"]
    assert (found["run_id"], found["api_version"]) == ("run-1", "2026-10")
    assert (board["expected"], board["received"], board["complete"]) == (3, 3, True)
    assert (board["calls"], board["points"], board["retries"], board["waited_seconds"]) == (2, 40, 1, 1.235)
    assert [(w["file"], w["items"], w["cursor"]) for w in board["windows"]] == [
        ("1/00001.ndjson.zst", 2, "c"),
        ("1/00002.ndjson.zst", 1, None),
    ]
    assert run.manifest.complete


def test_of_many_windows_the_latest_seconds_are_lost_at_most(tmp_path: Path) -> None:
    """The manifest is written whole each time, so of a large board not for every window."""
    clock = FastClock()
    run = SpoolRun.open(tmp_path, "run-1", clock=clock)
    run.begin("1", None)
    on_disk = []
    for number in range(1, 51):
        read(run, "1", number)
        on_disk.append(len(manifests.read(run.folder).boards["1"].windows))
    assert on_disk == [*range(1, 33), *[32] * 18]
    clock.sleep(10)
    read(run, "1", 51)
    assert len(manifests.read(run.folder).boards["1"].windows) == 51
    read(run, "1", 52)
    assert len(manifests.read(run.folder).boards["1"].windows) == 51


@pytest.mark.parametrize(
    "board",
    [
        BoardEntry("1", expected=2, received=1, complete=True),
        BoardEntry("1", expected=1, received=1, complete=False),
        BoardEntry("1", expected=1, received=1, complete=True, limited=True),
    ],
)
def test_a_manifest_is_complete_only_if_every_board_is(board: BoardEntry) -> None:
    """Read to the end, all that was counted, no limit."""
    assert not Manifest("r", boards={"1": board}).complete


def test_a_run_left_behind_can_be_opened_again(run: SpoolRun, tmp_path: Path) -> None:
    """With the windows it had sealed."""
    run.begin("1", None)
    window = read(run, "1", 1, 2)
    again = SpoolRun.open(tmp_path, "run-1")
    assert again.windows("1") == (window,)
    assert again.verify() == (window,)


def test_verify_notices_a_flipped_bit(run: SpoolRun) -> None:
    """One bit of one byte."""
    run.begin("1", None)
    window = read(run, "1", *range(100))
    content = bytearray(window.path.read_bytes())
    content[len(content) // 2] ^= 1
    window.path.write_bytes(content)
    with pytest.raises(BoardliftError, match="is not what was sealed"):
        run.verify()


def test_verify_notices_a_missing_file(run: SpoolRun) -> None:
    """Named like a changed one."""
    run.begin("1", None)
    read(run, "1", 1).path.unlink()
    with pytest.raises(BoardliftError, match="no file"):
        run.verify()


def test_a_restart_voids_the_windows_and_keeps_their_files(run: SpoolRun) -> None:
    """Somebody may be loading them at this moment."""
    run.begin("1", 2)
    old = read(run, "1", 1)
    run.restart("1")
    new = read(run, "1", 1, 2)
    assert old.path.exists()
    assert old.path != new.path
    assert run.windows("1") == (new,)
    assert (run.manifest.boards["1"].received, run.manifest.boards["1"].restarts) == (2, 1)


def test_discard_leaves_nothing(run: SpoolRun) -> None:
    """And may be called twice."""
    run.begin("1", None)
    read(run, "1", 1)
    run.discard()
    run.discard()
    assert not run.folder.exists()


def test_prune_keeps_the_youngest(tmp_path: Path) -> None:
    """Folders that are no run's are left alone."""
    for age, name in enumerate(("new", "middle", "old")):
        folder = SpoolRun.open(tmp_path, name).folder
        os.utime(folder / "manifest.json", (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "not-a-run").mkdir()
    assert prune(tmp_path, 1) == ["middle", "old"]
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["new", "not-a-run"]
    assert prune(tmp_path / "absent", 1) == []


@pytest.mark.parametrize("name", ["../away", "", ".hidden", "a/b", "a\\b", "a" * 200, "nul\0"])
def test_a_name_from_outside_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """Run ids and board ids name folders."""
    with pytest.raises(ValueError, match="cannot name a folder"):
        SpoolRun.open(tmp_path, name)
    with pytest.raises(ValueError, match="cannot name a folder"):
        SpoolRun.open(tmp_path, "run").window_writer(name)


def test_a_manifest_that_cannot_be_read_is_told(run: SpoolRun, tmp_path: Path) -> None:
    """A half file of another program, say."""
    (run.folder / "manifest.json").write_text("{")
    with pytest.raises(BoardliftError, match="cannot be read"):
        SpoolRun.open(tmp_path, "run-1")


@pytest.mark.parametrize(
    ("number", "expected", "words"),
    [
        (errno.ENOSPC, BoardliftError, "no room left"),
        (errno.EACCES, ConfigError, "may not write"),
        (errno.EIO, BoardliftError, "could not be used"),
    ],
)
def test_what_the_system_says_becomes_what_to_do(number: int, expected: type[Exception], words: str) -> None:
    """Full disk, missing rights, broken disk."""
    with pytest.raises(expected, match=words), files.explained(Path("spool/file")):
        raise OSError(number, os.strerror(number))
