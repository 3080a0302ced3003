"""What an interrupted run had sealed: taken over by the next one, or not, and brought up to date item by item."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from boardlift.spool import Page, SpoolRun, Window, mix, resume
from boardlift.spool import manifest as manifests
from boardlift.spool.manifest import BoardEntry, Manifest, SpanState
from boardlift.spool.resume import MAX_ADOPTIONS, MAX_AGE
from boardlift.spool.window import lines_of

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DONE = SpanState(done=True)


def page(*ids: int, word: str = "old") -> Page:
    raws = [msgspec.Raw(b'{"id":"%d","name":"%s"}' % (number, word.encode())) for number in ids]
    return Page("1", 1, raws, None, 0, 10, "req", "2026-10")


def seal(run: SpoolRun, *ids: int, spans: Sequence[SpanState] = (DONE,)) -> Window:
    writer = run.window_writer("1")
    writer.add(page(*ids))
    return writer.seal(spans)


def cut_off(root: Path, run_id: str = "first", reading: str = "same", at: datetime = NOW) -> SpoolRun:
    """A run that sealed two windows and was killed."""
    run = SpoolRun.open(root, run_id)
    run.begin("1", 9, reading=reading, now=at)
    seal(run, 1, 2, 3)
    seal(run, 4, 5)
    return run


def names(run: SpoolRun) -> dict[int, str]:
    found = [msgspec.json.decode(line) for window in run.windows("1") for line in lines_of(window.path)]
    assert len({each["id"] for each in found}) == len(found)
    return {int(each["id"]): each["name"] for each in found}


def test_the_next_run_has_windows_of_its_own(tmp_path: Path) -> None:
    """They outlive the folder they came from, and are held against the new count."""
    earlier = cut_off(tmp_path)
    run = SpoolRun.open(tmp_path, "second", earlier=["first"])
    adopted = run.begin("1", 5, reading="same", now=NOW + timedelta(minutes=59))
    earlier.discard()
    assert (len(adopted.windows), adopted.spans, adopted.began_at) == (2, (DONE,), NOW.isoformat(timespec="seconds"))
    assert sorted(names(run)) == [1, 2, 3, 4, 5]
    assert len(run.verify()) == 2
    run.finish("1")
    assert run.manifest.complete
    assert seal(run, 6).number == 3


def test_where_the_file_system_knows_no_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network share, or FAT."""

    def link(*_: object) -> None:
        raise OSError("no links here")

    cut_off(tmp_path)
    monkeypatch.setattr(os, "link", link)
    run = SpoolRun.open(tmp_path, "second", earlier=["first"])
    assert len(run.begin("1", 5, reading="same", now=NOW).windows) == 2
    assert len(run.verify()) == 2


def _limited(entry: BoardEntry) -> None:
    entry.limited = True


def _unordered(entry: BoardEntry) -> None:
    entry.spans = []


def _often(entry: BoardEntry) -> None:
    entry.adoptions = MAX_ADOPTIONS


def _odd_time(entry: BoardEntry) -> None:
    entry.began_at = "yesterday"


def _missing(entry: BoardEntry) -> None:
    entry.windows[0].file = "1/elsewhere"


@pytest.mark.parametrize("spoil", [_limited, _unordered, _often, _odd_time, _missing])
def test_what_cannot_be_gone_on_with_is_left(tmp_path: Path, spoil: Callable[[BoardEntry], None]) -> None:
    """Then the board is read anew, and nobody is told of an error."""
    earlier = cut_off(tmp_path)
    spoil(earlier.manifest.boards["1"])
    manifests.write(earlier.folder, earlier.manifest)
    run = SpoolRun.open(tmp_path, "second", earlier=["first"])
    assert run.begin("1", 5, reading="same", now=NOW).windows == ()


@pytest.mark.parametrize(
    ("reading", "later", "void"),
    [
        ("other", timedelta(0), False),
        ("", timedelta(0), False),
        ("same", MAX_AGE + timedelta(seconds=1), False),
        ("same", timedelta(seconds=-1), False),
        ("same", timedelta(0), True),
    ],
)
def test_another_question_another_hour_or_a_doubtful_run(
    tmp_path: Path, reading: str, later: timedelta, void: bool
) -> None:
    """Each of them means that the windows are not what would be read now."""
    earlier = cut_off(tmp_path)
    if void:
        earlier.void()
    run = SpoolRun.open(tmp_path, "second", earlier=["first"])
    assert run.begin("1", 5, reading=reading, now=NOW + later).windows == ()


def test_the_youngest_run_with_something_to_go_on_with_counts(tmp_path: Path) -> None:
    """One in between that did not come so far hides nothing; a broken manifest does not either."""
    cut_off(tmp_path, "first")
    SpoolRun.open(tmp_path, "second").begin("1", 5, reading="same", now=NOW)
    broken = SpoolRun.open(tmp_path, "third")
    (broken.folder / manifests.NAME).write_bytes(b"{")
    run = SpoolRun.open(tmp_path, "fourth", earlier=["third", "second", "first"])
    assert len(run.begin("1", 5, reading="same", now=NOW).windows) == 2


def test_a_second_plan_of_the_same_run_takes_nothing_over(tmp_path: Path) -> None:
    """The board moved under the first; what was read of it is void."""
    cut_off(tmp_path)
    run = SpoolRun.open(tmp_path, "second", earlier=["first"])
    run.begin("1", 5, reading="same", now=NOW)
    assert run.begin("1", 5, reading="same", now=NOW).windows == ()
    assert run.windows("1") == ()


def test_edited_items_change_places(tmp_path: Path) -> None:
    """Windows without them stay as they are, others are written anew or go; counts and sums are of what is left."""
    run = cut_off(tmp_path)
    untouched = seal(run, 6, 7)
    fresh = run.window_writer("1")
    fresh.add(page(1, 4, 5, word="new"))
    run.replace_items("1", {1, 4, 5}, fresh, [DONE])
    assert names(run) == {1: "new", 4: "new", 5: "new", 2: "old", 3: "old", 6: "old", 7: "old"}
    board = run.manifest.boards["1"]
    assert (board.received, board.id_sum) == (7, sum(map(mix, range(1, 8))))
    assert [window.items for window in run.verify()] == [2, 2, 3]
    assert untouched in run.windows("1")
    on_disk = manifests.read(run.folder).boards["1"]
    assert [entry.file for entry in on_disk.windows] == [entry.file for entry in board.windows]


def test_edited_items_that_left_leave_a_gap(tmp_path: Path) -> None:
    """Nothing fresh is sealed when nothing came."""
    run = cut_off(tmp_path)
    fresh = run.window_writer("1")
    run.replace_items("1", {2}, fresh, [DONE])
    fresh.abandon()
    assert sorted(names(run)) == [1, 3, 4, 5]
    assert not list(run.folder.glob("**/*.partial"))


def test_a_kill_while_items_are_replaced_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the moment the manifest is replaced, the old windows are whole; after it, the new ones."""
    run = cut_off(tmp_path)

    def killed(folder: Path, manifest: Manifest, *, durable: bool = False) -> None:
        raise KeyboardInterrupt

    fresh = run.window_writer("1")
    fresh.add(page(1, word="new"))
    with monkeypatch.context() as patch:
        patch.setattr(manifests, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            run.replace_items("1", {1}, fresh, [DONE])
    after = SpoolRun.open(tmp_path, "second", earlier=["first"])
    assert len(after.begin("1", 5, reading="same", now=NOW).windows) == 2
    assert set(names(after).values()) == {"old"}


def test_a_damaged_window_is_not_taken_over_in_parts(tmp_path: Path) -> None:
    """One flipped byte, and the whole board is read anew."""
    earlier = cut_off(tmp_path)
    path = earlier.windows("1")[1].path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Exception, match="not what was sealed"):
        resume._linked(earlier.manifest.boards["1"], earlier.folder, tmp_path / "elsewhere")
    run = SpoolRun.open(tmp_path, "second", earlier=["first"])
    assert run.begin("1", 5, reading="same", now=NOW).windows == ()
