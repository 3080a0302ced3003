"""The right to write, as an advisory lock that the server frees when its holder's session ends."""

from __future__ import annotations

import hashlib
from datetime import datetime

import psycopg

from boardlift.clock import Clock
from boardlift.errors import LeaseHeld

PROGRAM = "boardlift"
_LOOKS = 5
_HOLDER = b"""
    SELECT a.application_name, a.pid, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.classid::bigint = ($1::bigint >> 32) & 4294967295 AND l.objid::bigint = $1::bigint & 4294967295
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def take(connection: psycopg.Connection, namespace: str, clock: Clock) -> None:
    """Lock the lease of a namespace for this session. Raises LeaseHeld, which names the holder, or psycopg.Error."""
    # A machine that vanishes without a word must not hold the lease for the two hours that TCP waits by default.
    for setting in ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3"):
        connection.execute(f"SET {setting}".encode())
    key = _key(namespace)
    for _ in range(_LOOKS):
        if connection.execute(b"SELECT pg_try_advisory_lock($1)", [key]).fetchall() == [(True,)]:
            return
        held = connection.execute(_HOLDER, [key]).fetchall()
        if held:
            name, pid, since = held[0]
            holder = str(name).removeprefix(f"{PROGRAM} ") or "an unnamed session"
            raise LeaseHeld(
                f"{holder} (pid {pid})",
                since if isinstance(since, datetime) else None,
                hint="wait until that run ends; a run that was killed frees it by itself",
            )
        clock.sleep(0.05)  # the holder ended between the two questions
    raise LeaseHeld("a session that cannot be seen", None, hint="run the same command again in a minute")


def _key(namespace: str) -> int:
    """Advisory locks are numbers of 64 bits within one database."""
    return int.from_bytes(hashlib.sha256(f"boardlift lease {namespace}".encode()).digest()[:8], "big", signed=True)
