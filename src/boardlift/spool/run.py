"""The spool of one run: `<root>/<run_id>/`, one folder a board, and the manifest. The root is `<state>/spool`."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from boardlift.clock import Clock, SystemClock
from boardlift.errors import BoardliftError
from boardlift.spool import manifest as manifests
from boardlift.spool.files import explained, private_folder
from boardlift.spool.manifest import BoardEntry, Manifest, WindowEntry
from boardlift.spool.page import Page
from boardlift.spool.window import Window, WindowWriter

_ALWAYS = 32
"""So many windows of a board enter the manifest on disk one by one, later ones as many at a time."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


class SpoolRun:
    """What one run has read. Several threads may read boards into it at once, one thread a board."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self._manifest = manifest
        self._lock = threading.Lock()

    @classmethod
    def open(cls, root: Path, run_id: str, *, api_version: str = "", clock: Clock | None = None) -> SpoolRun:
        """The spool of this run, new or, after an interruption, as it was left.

        Raises BoardliftError for a folder that cannot be used, ValueError for a run id that is no plain name.
        """
        folder = private_folder(private_folder(root) / _plain(run_id))
        if (folder / manifests.NAME).exists():
            return cls(folder, manifests.read(folder))
        started = (clock or SystemClock()).now().isoformat(timespec="seconds")
        run = cls(folder, Manifest(run_id=run_id, api_version=api_version, started_at=started))
        manifests.write(folder, run._manifest)
        return run

    @property
    def run_id(self) -> str:
        return self._manifest.run_id

    @property
    def manifest(self) -> Manifest:
        """The certificate as it stands. Read it; change it through the methods only."""
        return self._manifest

    def begin(self, board_id: str, expected: int | None) -> None:
        """Reading of a board starts; `expected` is monday's count. What an earlier plan read of it is void."""
        with self._lock:
            board = self._manifest.boards.get(board_id)
            attempt = board.attempt + 1 if board else 1
            self._manifest.boards[board_id] = BoardEntry(board_id, expected=expected, attempt=attempt)
            manifests.write(self.folder, self._manifest)

    def window_writer(self, board_id: str) -> WindowWriter:
        """A writer for the next window of this board."""
        with self._lock:
            board = self._board(board_id)
            number, attempt = len(board.windows) + 1, board.attempt
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
            board.received, board.id_sum, board.windows = 0, 0, []
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

    def verify(self) -> tuple[Window, ...]:
        """Hash every file anew and compare with the manifest. Raises BoardliftError naming the first that differs."""
        windows = [window for board_id in self._manifest.boards for window in self.windows(board_id)]
        for window in windows:
            _verify(window)
        return tuple(windows)

    def discard(self) -> None:
        """Delete the run's folder and all that was read."""
        with explained(self.folder / manifests.NAME):
            if self.folder.exists():
                shutil.rmtree(self.folder)

    def _sealed(self, window: Window, last: Page) -> None:
        with self._lock:
            board = self._board(window.board_id)
            board.windows.append(
                WindowEntry(
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
                )
            )
            board.received += window.items
            board.id_sum += window.id_sum
            board.served_version = last.served_version or board.served_version
            # It is written whole: with thousands of windows, each time would be a gigabyte in all.
            if len(board.windows) <= _ALWAYS or len(board.windows) % _ALWAYS == 0:
                manifests.write(self.folder, self._manifest)

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
        )


def _verify(window: Window) -> None:
    try:
        with window.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        found = "no file"
    if found != window.sha256:
        raise BoardliftError(
            f"The spool file {window.path} is not what was sealed: its hash is {found[:16]}, the manifest says "
            f"{window.sha256[:16]}. Production was not changed.",
            hint="discard this run's spool and read the boards again; check the disk",
        )


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
