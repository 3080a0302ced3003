"""The lease: an application lock of the server, owned by a session of its own, which frees it when the session ends."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from boardlift.clock import Clock
from boardlift.destinations.mssql.errors import DRIVER_ERRORS, speaking
from boardlift.destinations.mssql.inspect import whole
from boardlift.destinations.mssql.session import Session
from boardlift.destinations.mssql.sql import Text, batch
from boardlift.errors import LeaseHeld
from boardlift.shape.sql import SQL, Composable

_LOOKS = 5
_WAIT = "wait until that run ends; a run that was killed frees it by itself"


def take(session: Session, namespace: str, clock: Clock) -> None:
    """Take the lease of a namespace. Raises LeaseHeld with whoever has it, DestinationError where that fails."""
    resource = _resource(namespace)
    for _ in range(_LOOKS):
        with speaking(session.address, "give out the right to write"):
            if whole(session.send(take_statement(resource))[0][0]) >= 0:
                return
        try:
            held = session.send(batch([holder_statement(resource)]))
        except DRIVER_ERRORS:
            hint = f"GRANT VIEW SERVER STATE TO <login> to have it named; {_WAIT}"
            raise LeaseHeld("a session that this login may not see", None, hint=hint) from None
        if held:
            number, context, host, login, since = held[0]
            name = bytes(context).rstrip(b"\0").decode(errors="replace") if isinstance(context, bytes) else ""
            where = f" on {host}" if host else ""
            started = since.replace(tzinfo=UTC) if isinstance(since, datetime) else None
            raise LeaseHeld(f"{name or login} (session {number}{where})", started, hint=_WAIT)
        clock.sleep(0.05)  # the holder ended between the two questions
    raise LeaseHeld("a session that cannot be seen", None, hint="run the same command again in a minute")


def is_held(session: Session, namespace: str) -> bool:
    """Whether this session still has the lease. Raises the driver's errors."""
    asked = SQL("SELECT APPLOCK_MODE(N'public', {}, N'Session') AS mode").format(Text(_resource(namespace)))
    return session.send(batch([asked])) == [("Exclusive",)]


def free_statement(namespace: str) -> Composable:
    return SQL("EXEC sys.sp_releaseapplock @Resource = {}, @LockOwner = N'Session'").format(Text(_resource(namespace)))


def take_statement(resource: str) -> Composable:
    """A batch that answers with 0 or 1 when the lock was granted, with less when not."""
    return batch(
        [
            SQL("DECLARE @granted INT"),
            SQL(
                "EXEC @granted = sys.sp_getapplock @Resource = {}, @LockMode = N'Exclusive', @LockOwner = N'Session',"
                " @LockTimeout = 0"
            ).format(Text(resource)),
            SQL("SELECT @granted AS granted"),
        ]
    )


def holder_statement(resource: str) -> Composable:
    """(session, what it said of itself, host, login, since when in UTC) of whoever has the lock."""
    return SQL(
        "SELECT z.session_id, z.context_info, COALESCE(z.host_name, N''), z.login_name,"
        " DATEADD(SECOND, DATEDIFF(SECOND, GETDATE(), GETUTCDATE()), z.login_time)"
        " FROM sys.dm_tran_locks AS l JOIN sys.dm_exec_sessions AS z ON z.session_id = l.request_session_id"
        " WHERE l.resource_type = N'APPLICATION' AND l.request_status = N'GRANT' AND l.resource_database_id = DB_ID()"
        " AND CHARINDEX({}, l.resource_description) > 0"
    ).format(Text(resource))


def _resource(namespace: str) -> str:
    """At most 32 characters: more of a resource's name the server does not show."""
    return f"boardlift:{hashlib.sha256(namespace.encode()).hexdigest()[:22]}"
