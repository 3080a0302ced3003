"""The spool of one run: `<root>/<run_id>/`, one folder a board, and the manifest. The root is `<state>/spool`."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from boardlift.clock import Clock, SystemClock
from boardlift.spool import manifest as manifests
from boardlift.spool.files import explained, private_folder, verify_file
from boardlift.spool.manifest import BoardEntry, Manifest, SpanState, WindowEntry
from boardlift.spool.page import Page, item_number
from boardlift.spool.resume import Adopted, take_over
from boardlift.spool.window import Window, WindowWriter, lines_of

_ALWAYS = 32
"""So many windows of a board enter the manifest on disk one by one, later ones as many at a time, or so often:"""
_OFTEN = 10.0  # seconds of reading that are lost at most when the process is killed
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


class SpoolRun:
    """What one run has read. Several threads may read into it at once."""

    def __init__(self, folder: Path, manifest: Manifest, clock: Clock, earlier: Sequence[Path] = ()) -> None:
        self.folder = folder
        self._manifest = manifest
        self._clock = clock
        self._earlier = tuple(earlier)
        self._numbers: dict[str, int] = {}
        self._written = clock.monotonic()
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        root: Path,
        run_id: str,
        *,
        api_version: str = "",
        clock: Clock | None = None,
        earlier: Sequence[str] = (),
    ) -> SpoolRun:
        """The spool of this run, new or, after an interruption, as it was left.

        `earlier` are runs that did not end well, youngest first: what they sealed may be taken over, board by board.
        Raises BoardliftError for a folder that cannot be used, ValueError for a run id that is no plain name.
        """
        clock = clock or SystemClock()
        folder = private_folder(private_folder(root) / _plain(run_id))
        folders = [root / _plain(each) for each in earlier if each != run_id]
        if (folder / manifests.NAME).exists():
            return cls(folder, manifests.read(folder), clock, folders)
        run = cls(
            folder, Manifest(run_id=run_id, api_version=api_version, started_at=_text(clock.now())), clock, folders
        )
        manifests.write(folder, run._manifest)
        return run

    @property
    def run_id(self) -> str:
        return self._manifest.run_id

    @property
    def manifest(self) -> Manifest:
        """The certificate as it stands. Read it; change it through the methods only."""
        return self._manifest

    def begin(self, board_id: str, expected: int | None, *, reading: str = "", now: datetime | None = None) -> Adopted:
        """Reading of a board starts; `expected` is monday's count. What an earlier plan of this run read of it is void.

        `reading` is a digest of what is asked. Windows of an earlier run with the same one, whole and younger than
        MAX_AGE, are taken over and returned. `now` is the time by monday's clock.
        """
        now = now or self._clock.now()
        with self._lock:
            board = self._manifest.boards.get(board_id)
            attempt = board.attempt + 1 if board else 1
            entry = BoardEntry(board_id, expected=expected, attempt=attempt, reading=reading, began_at=_text(now))
            if attempt == 1 and reading:
                taken = take_over(self._earlier, self.folder, board_id, reading, now)
                if taken is not None:
                    entry = taken
                    entry.expected = expected  # what is read in the end is held against this count
            self._manifest.boards[board_id] = entry
            self._numbers[board_id] = max((window.number for window in entry.windows), default=0)
            manifests.write(self.folder, self._manifest)
            return Adopted(
                windows=tuple(self._window(board_id, each) for each in entry.windows),
                spans=tuple(entry.spans),
                began_at=entry.began_at,
            )

    def window_writer(self, board_id: str) -> WindowWriter:
        """A writer for a further window of this board; several may be open at once."""
        with self._lock:
            attempt = self._board(board_id).attempt
            number = self._numbers.get(board_id, 0) + 1
            self._numbers[board_id] = number
        folder = private_folder(self.folder / _plain(board_id))
        name = f"{number:05d}.ndjson.zst" if attempt == 1 else f"{number:05d}.again{attempt}.ndjson.zst"
        return WindowWriter(folder / name, board_id, number, self._sealed)

    def windows(self, board_id: str) -> tuple[Window, ...]:
        """The sealed windows of a board, in reading order."""
        with self._lock:
            board = self._manifest.boards.get(board_id)
            return tuple(self._window(board_id, entry) for entry in board.windows) if board else ()

    def restart(self, board_id: str) -> None:
        """Forget the windows of a board. Their files stay until the run's spool goes: somebody may be loading them."""
        with self._lock:
            board = self._board(board_id)
            board.restarts += 1
            board.attempt += 1
            board.received, board.resumed, board.id_sum, board.windows, board.spans = 0, 0, 0, [], []
            self._numbers[board_id] = 0
            manifests.write(self.folder, self._manifest)

    def finish(
        self,
        board_id: str,
        *,
        limited: bool = False,
        calls: int = 0,
        points: int = 0,
        retries: int = 0,
        waited_seconds: float = 0.0,
        errors: Iterable[str] = (),
    ) -> None:
        """Certify that the last page of a board was read. `limited`: its reading stopped at a limit on purpose."""
        with self._lock:
            board = self._board(board_id)
            board.complete, board.limited = True, limited
            board.calls, board.points, board.retries = calls, points, retries
            board.waited_seconds = round(waited_seconds, 3)
            board.errors = list(errors)
            manifests.write(self.folder, self._manifest, durable=True)

    def settle(self, board_id: str, sentences: Iterable[str]) -> None:
        """Enter what came of a count that did not fit."""
        with self._lock:
            self._board(board_id).settled = list(sentences)
            manifests.write(self.folder, self._manifest, durable=True)

    def began_at(self, board_id: str) -> datetime | None:
        """When the reading of a board began, by monday's clock; None when it did not begin."""
        with self._lock:
            text = self._board(board_id).began_at
            return datetime.fromisoformat(text) if text else None

    def verify(self) -> tuple[Window, ...]:
        """Hash every file anew and compare with the manifest. Raises BoardliftError naming the first that differs."""
        windows = [window for board_id in self._manifest.boards for window in self.windows(board_id)]
        for window in windows:
            verify_file(window.path, window.sha256)
        return tuple(windows)

    def replace_items(
        self, board_id: str, ids: Collection[int], fresh: WindowWriter, spans: Sequence[SpanState]
    ) -> None:
        """Take these items out of the board's windows, and seal `fresh`, which holds them anew, in the same step."""
        with self._lock:
            board = self._board(board_id)
            kept: list[WindowEntry] = []
            for entry in board.windows:
                kept += self._without(board_id, entry, ids)
            board.windows = kept
            board.received = sum(entry.items for entry in kept)
            board.id_sum = sum(entry.id_sum for entry in kept)
            if fresh.items:
                fresh.seal(spans)
            manifests.write(self.folder, self._manifest)

    def _without(self, board_id: str, entry: WindowEntry, ids: Collection[int]) -> list[WindowEntry]:
        """The entry of a window without these items: the same, one of a new file, or none."""
        items = lines_of(self.folder / entry.file)
        left = [item for item in items if item_number(item) not in ids]
        if len(left) == len(items):
            return [entry]
        if not left:
            return []
        made: list[WindowEntry] = []
        writer = WindowWriter(
            self.folder / f"{entry.file}.rest.zst",
            board_id,
            entry.number,
            lambda window, last, _: made.append(self._entry(window, last)),
        )
        writer.add(Page(board_id, 1, left, entry.cursor, 0, 0, entry.request_id))
        writer.seal()
        return made

    def void(self) -> None:
        """What was read may be at fault: no later run is to take it over."""
        with self._lock:
            self._manifest.void = True
            manifests.write(self.folder, self._manifest)

    def discard(self) -> None:
        """Delete the run's folder and all that was read."""
        with explained(self.folder / manifests.NAME):
            if self.folder.exists():
                shutil.rmtree(self.folder)

    def _sealed(self, window: Window, last: Page, spans: Sequence[SpanState]) -> None:
        with self._lock:
            board = self._board(window.board_id)
            board.windows.append(self._entry(window, last))
            board.spans = list(spans)
            board.received += window.items
            board.id_sum += window.id_sum
            board.served_version = last.served_version or board.served_version
            # It is written whole: with thousands of windows, each time would be a gigabyte in all.
            due = self._clock.monotonic() >= self._written + _OFTEN
            if len(board.windows) <= _ALWAYS or len(board.windows) % _ALWAYS == 0 or due:
                manifests.write(self.folder, self._manifest)
                self._written = self._clock.monotonic()

    def _entry(self, window: Window, last: Page) -> WindowEntry:
        return WindowEntry(
            file=window.path.relative_to(self.folder).as_posix(),
            number=window.number,
            pages=window.pages,
            items=window.items,
            id_sum=window.id_sum,
            largest_item=window.largest_item,
            has_nul=window.has_nul,
            cell_order=window.cell_order,
            sha256=window.sha256,
            nbytes=window.nbytes,
            raw_bytes=window.raw_bytes,
            cursor=last.cursor,
            request_id=last.request_id,
            first_created=window.first_created,
        )

    def _board(self, board_id: str) -> BoardEntry:
        return self._manifest.boards.setdefault(board_id, BoardEntry(board_id))

    def _window(self, board_id: str, entry: WindowEntry) -> Window:
        return Window(
            path=self.folder / entry.file,
            board_id=board_id,
            number=entry.number,
            pages=entry.pages,
            items=entry.items,
            id_sum=entry.id_sum,
            largest_item=entry.largest_item,
            has_nul=entry.has_nul,
            cell_order=entry.cell_order,
            sha256=entry.sha256,
            nbytes=entry.nbytes,
            raw_bytes=entry.raw_bytes,
            first_created=entry.first_created,
        )


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def prune(root: Path, keep_runs: int) -> list[str]:
    """Delete the spools of all but the `keep_runs` youngest runs. out: the ids of the runs that went."""
    if not root.is_dir():
        return []
    runs = [folder for folder in root.iterdir() if folder.is_dir() and (folder / manifests.NAME).is_file()]
    runs.sort(key=lambda folder: ((folder / manifests.NAME).stat().st_mtime_ns, folder.name), reverse=True)
    gone = runs[max(0, keep_runs) :]
    for folder in gone:
        with explained(folder / manifests.NAME):
            shutil.rmtree(folder)
    return [folder.name for folder in gone]


def _plain(name: str) -> str:
    """The name, if it can be a folder's; a name from outside must not lead elsewhere."""
    if not _SAFE.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a folder")
    return name
