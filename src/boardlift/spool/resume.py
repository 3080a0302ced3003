"""What an interrupted run had sealed, taken over by the next one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from boardlift.errors import BoardliftError
from boardlift.spool import manifest as manifests
from boardlift.spool.files import private_folder, verify_file
from boardlift.spool.manifest import BoardEntry, SpanState
from boardlift.spool.window import Window

MAX_AGE = timedelta(hours=1)
"""What was read longer ago is read again: the table would be older than anybody expects."""

MAX_ADOPTIONS = 3
"""A run that dies of what it took over must not be followed by another and another."""


@dataclass(frozen=True)
class Adopted:
    """What is there of a board before its first page: sealed windows, and what they leave to be read of it.

    `began_at` is when the first of these windows was.
    """

    windows: tuple[Window, ...]
    spans: tuple[SpanState, ...]
    began_at: str


def take_over(earlier: Sequence[Path], folder: Path, board_id: str, reading: str, now: datetime) -> BoardEntry | None:
    """The entry of this board from the youngest of these runs that has one to go on with, its files linked to `folder`.

    None when there is none: another reading, too old, damaged, or without an order to go on in.
    """
    for other in earlier:
        try:
            if not (other / manifests.NAME).is_file():
                continue
            manifest = manifests.read(other)
            entry = manifest.boards.get(board_id)
            if manifest.void or entry is None or not _is_usable(entry, reading, now):
                continue
            if entry.adoptions >= MAX_ADOPTIONS:
                return None
            return _linked(entry, other, folder)
        except (BoardliftError, OSError, ValueError):
            continue  # then it is read anew; nothing depends on it
    return None


def _is_usable(entry: BoardEntry, reading: str, now: datetime) -> bool:
    if entry.reading != reading or not entry.windows or not entry.spans or entry.limited:
        return False
    return timedelta(0) <= now - datetime.fromisoformat(entry.began_at) <= MAX_AGE


def _linked(entry: BoardEntry, source: Path, folder: Path) -> BoardEntry:
    target = private_folder(folder / entry.board_id)
    windows = []
    for window in entry.windows:
        verify_file(source / window.file, window.sha256)
        path = target / f"{window.number:05d}.kept.ndjson.zst"
        _link(source / window.file, path)
        windows.append(replace(window, file=path.relative_to(folder).as_posix()))
    return BoardEntry(
        board_id=entry.board_id,
        expected=entry.expected,
        received=entry.received,
        id_sum=entry.id_sum,
        reading=entry.reading,
        began_at=entry.began_at,
        resumed=entry.received,
        adoptions=entry.adoptions + 1,
        served_version=entry.served_version,
        spans=entry.spans,
        windows=windows,
    )


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system knows no links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
