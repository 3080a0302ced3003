"""Who holds locks on a SQLite file: the lease of a run, and, as far as it can be known, a foreign writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from boardlift.clock import Clock
from boardlift.errors import DestinationError, LeaseHeld

_WRITE_LOCK = 120  # the byte of the `-shm` file that a writer holds, as SQLite's page "WAL-mode File Format" has it
_LOCKS = Path("/proc/locks")


@contextmanager
def lease(file: Path, namespace: str, holder: str, clock: Clock) -> Iterator[None]:
    """Hold the only right to write to a namespace of the file. The operating system frees it with the process.

    Raises LeaseHeld, at once, with the other holder; DestinationError when the lock's file cannot be made.
    """
    path = file.with_name(f"{file.name}.{namespace}.boardlift-lock")
    # Not in the locked file itself: Windows keeps others from reading it, and taking a lock may empty it.
    words = path.with_suffix(".boardlift-holder")
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise _held(words) from None
    except OSError as error:
        raise DestinationError(
            f"The lock {path} cannot be made: {error.strerror or error}.", hint="let this user write to that folder"
        ) from error
    try:
        with suppress(OSError):
            words.write_text(f"{clock.now().isoformat()}\n{holder}", encoding="utf-8", errors="backslashreplace")
        yield
    finally:
        with suppress(OSError):
            words.unlink(missing_ok=True)
        lock.release()


def _held(words: Path) -> LeaseHeld:
    hint = "wait until it is done, or end that process; its lease ends with it"
    try:
        since, _, by = words.read_text(encoding="utf-8").partition("\n")
        return LeaseHeld(by, datetime.fromisoformat(since), hint)
    except (OSError, ValueError):
        return LeaseHeld("a run that is just beginning or ending", None, hint)


def writer_of(file: Path, locks: Path = _LOCKS) -> str:
    """The process that holds the write lock of a file in WAL mode; empty where the system does not tell.

    SQLite has no word for it. Linux lists the locks of its file systems; a process of another container has no number.
    """
    try:
        inode = file.with_name(f"{file.name}-shm").stat().st_ino
        table = locks.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
    for line in table.splitlines():
        # 3: POSIX  ADVISORY  WRITE 4711 08:01:131073 120 120
        parts = line.split()
        if len(parts) < 8 or parts[3] != "WRITE" or not parts[4].isdigit() or parts[4] == "0":
            continue
        first, last = parts[6], parts[7]
        if parts[5].rpartition(":")[2] != str(inode) or not first.isdigit():
            continue
        if int(first) <= _WRITE_LOCK and (last == "EOF" or int(last) >= _WRITE_LOCK):
            return _process(parts[4])
    return ""


def _process(number: str) -> str:
    try:
        # Its name alone: arguments may hold secrets.
        name = Path("/proc", number, "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return f"process {number}"
    return f"process {number}, {name}"
