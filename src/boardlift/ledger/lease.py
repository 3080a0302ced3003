"""The lease: on one machine, one run writes to a namespace at a time, and a dead one holds nothing."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from filelock import FileLock, Timeout

from boardlift.errors import BoardliftError, LeaseHeld
from boardlift.ledger.failures import unusable_place
from boardlift.ledger.store import Part


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: a person's words for a process."""

    user: str
    host: str
    pid: int
    command: str

    @classmethod
    def here(cls, command: str) -> Holder:
        """This process, doing `command`."""
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):  # a user without a name: a container with a bare uid
            user = "unknown"
        return cls(user, socket.gethostname(), os.getpid(), command)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}: {self.command}"


@dataclass(frozen=True)
class _Lease:
    holder: str
    since: datetime


class Leases(Part):
    """The chapter of leases."""

    @contextmanager
    def lease(self, destination: str, namespace: str, holder: Holder) -> Generator[None]:
        """Hold the only right on this machine to write to the namespace. The OS frees it when the process dies.

        Raises LeaseHeld, at once, with the other holder when it is taken; ConfigError when its file cannot be made.
        """
        store, clock = self._store, self._clock
        place = hashlib.sha256(f"{destination}\n{namespace}".encode(errors="backslashreplace")).hexdigest()[:16]
        path = store.path.with_name(f"{store.path.name}.{place}.lease")
        lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise self._held(destination, namespace) from None
        except OSError as error:
            raise unusable_place(path, error) from error
        try:
            with store.transaction():
                store.change(
                    "take_lease",
                    destination=destination,
                    namespace=namespace,
                    holder=str(holder),
                    at=clock.now(),
                )
            try:
                yield
            finally:
                # The lock decides. A row left behind misleads nobody, and must not hide how the work inside ended.
                with suppress(BoardliftError), store.transaction():
                    store.change("release_lease", destination=destination, namespace=namespace, at=clock.now())
        finally:
            lock.release()

    def _held(self, destination: str, namespace: str) -> LeaseHeld:
        hint = "wait until it is done, or end that process; its lease ends with it"
        found = self._store.rows("get_lease", _Lease, destination=destination, namespace=namespace)
        if not found:
            return LeaseHeld("a run that is just beginning or ending", None, hint)
        return LeaseHeld(found[0].holder, found[0].since, hint)
