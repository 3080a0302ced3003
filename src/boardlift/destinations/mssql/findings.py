"""What `boardlift doctor` says of a SQL Server."""

from __future__ import annotations

from boardlift.destinations.interface import Finding
from boardlift.destinations.mssql.inspect import whole
from boardlift.destinations.mssql.questions import may_read
from boardlift.destinations.mssql.session import Session
from boardlift.destinations.mssql.sql import Name, Text, batch, texts
from boardlift.errors import CapabilityMissing
from boardlift.shape.sql import SQL

_DEPENDENCIES = "sys.sql_expression_dependencies"
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
        " HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'CREATE TABLE'),"
        " HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'CREATE SCHEMA'),"
        " (SELECT COUNT(*) FROM sys.schemas AS s WHERE s.name IN ({})"
        " AND HAS_PERMS_BY_NAME(QUOTENAME(s.name), N'SCHEMA', N'ALTER') = 1),"
        " (SELECT d.is_read_committed_snapshot_on FROM sys.databases AS d WHERE d.name = DB_NAME()), DB_NAME(),"
        " CASE WHEN {} AND HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'VIEW DEFINITION') = 1"
        " THEN 1 ELSE 0 END"
    ).format(texts(schemas), may_read(_DEPENDENCIES))
    ((version, edition, tables, may_schemas, both, versioned, database, finds),) = session.send(batch([asked]))
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
            "destination views",
            bool(finds),
            "views and functions on live tables can be found"
            if finds
            else "views and functions on live tables cannot be found, so a swap may break one that nobody was told of",
            "" if finds else f"GRANT SELECT ON {_DEPENDENCIES} TO <user>; GRANT VIEW DEFINITION TO <user>",
        ),
        Finding(
            "destination blockers",
            True,
            "a session that blocks a swap can be named"
            if sees
            else "a session that blocks a swap cannot be named; for that GRANT VIEW SERVER STATE TO <login>",
        ),
    ]
