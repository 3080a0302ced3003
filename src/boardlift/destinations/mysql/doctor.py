"""What `boardlift doctor` finds out about a MariaDB or MySQL server."""

from __future__ import annotations

from boardlift.destinations.interface import Finding
from boardlift.destinations.mysql.errors import Address, speaking
from boardlift.destinations.mysql.session import Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import SQL, Identifier, Literal

_PROBE = "boardlift_probe"


def takes_files(session: Session) -> bool:
    """Whether the server takes LOAD DATA LOCAL. Raises the driver's errors."""
    return session.ask(SQL("SELECT @@GLOBAL.local_infile")) == [(1,)]


def examine(session: Session, identity: str, address: Address, hidden: str) -> list[Finding]:
    """Reachable, writable, fast? Raises DestinationError when it cannot be asked."""
    with speaking(address, "be examined"):
        local = takes_files(session)
        required = session.ask(
            SQL(
                "SHOW GLOBAL VARIABLES WHERE variable_name IN ('sql_require_primary_key', 'innodb_force_primary_key')"
                " AND value = 'ON'"
            )
        )
    found = [
        Finding("destination", True, f"{session.product} {session.version} at {identity} is reachable"),
        _access(session, address, hidden),
        Finding(
            "destination bulk load",
            True,
            "rows go by LOAD DATA LOCAL"
            if local
            else "the server does not take LOAD DATA LOCAL, so rows go by INSERT, which is slower; SET GLOBAL"
            " local_infile = 1 lets them go the fast way",
        ),
    ]
    for name, _ in required:
        fact = f"{name} is on, but staged tables get their key after the rows"
        found.append(Finding("destination keys", False, fact, f"SET GLOBAL {name} = OFF"))
    return found


def _access(session: Session, address: Address, hidden: str) -> Finding:
    """Make a table and drop it again; before the first run, see whether a database may be made."""
    subject = "destination access"
    try:
        with speaking(address, "be written"):
            if session.ask(
                SQL("SELECT 1 FROM information_schema.schemata WHERE schema_name = {}").format(Literal(hidden))
            ):
                probe = Identifier(hidden, _PROBE)
                session.run(SQL("CREATE TABLE IF NOT EXISTS {} (x int PRIMARY KEY)").format(probe))
                session.run(SQL("DROP TABLE {}").format(probe))
                return Finding(subject, True, "tables can be made")
            if _may_create(session, hidden):
                return Finding(subject, True, "databases and tables can be made")
    except DestinationError as error:
        return Finding(subject, False, error.message, error.hint)
    fix = f"GRANT ALL ON `{hidden.removesuffix('__boardlift')}%`.* TO <user>"
    return Finding(subject, False, "this user may not make databases here", fix)


def _may_create(session: Session, hidden: str) -> bool:
    """Whether some grant lets this user, or a role of the user, make the hidden database."""
    statement = SQL(
        "SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'CREATE'"
        " UNION SELECT 1 FROM information_schema.schema_privileges"
        " WHERE privilege_type = 'CREATE' AND {} LIKE table_schema ESCAPE {}"
    )
    return bool(session.ask(statement.format(Literal(hidden), Literal("\\"))))
