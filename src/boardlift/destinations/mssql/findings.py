"""What `boardlift doctor` says of a SQL Server."""

from __future__ import annotations

from boardlift.destinations.interface import Finding
from boardlift.destinations.mssql.inspect import whole
from boardlift.destinations.mssql.session import Session
from boardlift.destinations.mssql.sql import Name, Text, batch, texts
from boardlift.errors import CapabilityMissing
from boardlift.shape.sql import SQL

_OLDEST = 14  # SQL Server 2017
_AZURE = (5, 8, 12)  # engine editions whose version number says nothing: SQL Database, Managed Instance, Fabric


def refuse_old(session: Session) -> None:
    """Raise CapabilityMissing for a server that lacks what boardlift needs."""
    asked = SQL(
        "SELECT CONVERT(NVARCHAR(128), SERVERPROPERTY('ProductVersion')), CONVERT(INT, SERVERPROPERTY('EngineEdition'))"
    )
    ((version, edition),) = session.ask("tell its version", batch([asked]))
    major = str(version).partition(".")[0]
    if edition not in _AZURE and major.isdigit() and int(major) < _OLDEST:
        session.close()
        raise CapabilityMissing(
            f"{session.address.identity} is SQL Server {version}; boardlift needs 2017 (version 14) or later.",
            hint="upgrade the server",
        )


def findings(session: Session, schemas: tuple[str, str]) -> list[Finding]:
    """Version, rights, row versioning, and whether blockers could be named. Raises the driver's errors."""
    asked = SQL(
        "SELECT CONVERT(NVARCHAR(128), SERVERPROPERTY('ProductVersion')),"
        " CONVERT(NVARCHAR(128), SERVERPROPERTY('Edition')),"
        " HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'CREATE TABLE'),"
        " HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'CREATE SCHEMA'),"
        " (SELECT COUNT(*) FROM sys.schemas AS s WHERE s.name IN ({})"
        " AND HAS_PERMS_BY_NAME(QUOTENAME(s.name), N'SCHEMA', N'ALTER') = 1),"
        " (SELECT d.is_read_committed_snapshot_on FROM sys.databases AS d WHERE d.database_id = DB_ID()), DB_NAME()"
    ).format(texts(schemas))
    ((version, edition, tables, may_schemas, both, versioned, database),) = session.send(batch([asked]))
    writable = bool(tables) and (bool(may_schemas) or whole(both) == len(schemas))
    sees = bool(
        session.send(batch([SQL("SELECT HAS_PERMS_BY_NAME(NULL, NULL, {})").format(Text("VIEW SERVER STATE"))]))[0][0]
    )
    alter = f"ALTER DATABASE {Name(str(database))} SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE"
    return [
        Finding("destination", True, f"SQL Server {version} ({edition}) at {session.address.identity} is reachable"),
        Finding(
            "destination access",
            writable,
            "schemas and tables can be made" if writable else "this user may make neither schemas nor tables here",
            "" if writable else "GRANT CREATE TABLE, CREATE SCHEMA TO <user>",
        ),
        Finding(
            "destination readers",
            True,
            "readers see row versions and never wait for a load"
            if versioned
            else f"readers take locks; `replace: in_place` and shorter waits at a swap need {alter}",
        ),
        Finding(
            "destination blockers",
            True,
            "a session that blocks a swap can be named"
            if sees
            else "a session that blocks a swap cannot be named; for that GRANT VIEW SERVER STATE TO <login>",
        ),
    ]
