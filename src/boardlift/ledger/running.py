"""Which runs are alive: each holds a lock on a file of its own, and the OS lets go of it when the process dies."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from boardlift.ledger.failures import unusable_place


class Running:
    """The locks of the runs this process has started, and the question whether another run's process still lives.

    A lock, not a process number: numbers are used again after a while, and asking for one differs per system.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: dict[str, FileLock] = {}
        self._guard = threading.Lock()

    def begin(self, run_id: str) -> None:
        """Hold the lock of a new run. Raises ConfigError when the file cannot be made."""
        with self._guard:
            self._mine[run_id] = self._locked(run_id)

    def end(self, run_id: str) -> None:
        """Let go. A run that is not ours is left alone."""
        with self._guard:
            if lock := self._mine.pop(run_id, None):
                self._let_go(run_id, lock)

    def alive(self, run_id: str) -> bool:
        """True while the process that began `run_id` lives and has not ended it."""
        with self._guard:
            if run_id in self._mine:
                return True
            try:
                lock = self._locked(run_id)
            except Timeout:
                return True
            self._let_go(run_id, lock)
            return False

    def close(self) -> None:
        """Let go of every run of ours; one that has not ended counts as dead from now on."""
        for run_id in list(self._mine):
            self.end(run_id)

    def _locked(self, run_id: str) -> FileLock:
        path = self._folder / f"{run_id}.lock"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
            lock.acquire()
        except Timeout:
            raise
        except OSError as error:
            raise unusable_place(path, error) from error
        return lock

    def _let_go(self, run_id: str, lock: FileLock) -> None:
        lock.release()
        # Ids are used once, so nobody can be waiting for this file; Windows may still refuse while someone looks.
        with suppress(OSError):
            (self._folder / f"{run_id}.lock").unlink(missing_ok=True)
