"""Grants as values, and the sessions that hold a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import LiteralString

from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

Rows = list[tuple[object, ...]]
Ask = Callable[[Composable], Rows]


@dataclass(frozen=True)
class Grant:
    """One privilege. `column` is empty for the whole table, `grantee` is empty for PUBLIC."""

    column: str
    grantee: str
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class Blocker:
    """A session, or a prepared transaction, that holds a lock which the swap needs."""

    pid: int
    user: str
    application: str
    state: str
    since: str
    query: str

    def __str__(self) -> str:
        if not self.pid:
            return (
                f"prepared transaction {self.query} of user {self.user}, prepared at {self.since}"
                " (end it with COMMIT PREPARED or ROLLBACK PREPARED)"
            )
        if self.state == "autovacuum worker":
            return f"pid {self.pid}, an autovacuum worker, since {self.since}: {self.query}"
        program = f" ({self.application})" if self.application else ""
        return f"pid {self.pid}, user {self.user}{program}, {self.state} since {self.since}: {self.query}"


_DEFAULT_GRANTS: LiteralString = """
    SELECT '', coalesce(r.rolname, ''), x.privilege_type, x.is_grantable
    FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x
        LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE n.nspname = {namespace} AND d.defaclobjtype = 'r'
    AND d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    ORDER BY 1, 2, 3
"""

_BLOCKERS: LiteralString = """
    SELECT DISTINCT coalesce(a.pid, 0), coalesce(a.usename, p.owner, '?'), coalesce(a.application_name, ''),
        CASE WHEN a.backend_type = 'client backend' THEN coalesce(a.state, 'active')
            ELSE coalesce(a.backend_type, 'prepared') END,
        to_char(coalesce(a.xact_start, a.state_change, a.backend_start, p.prepared) AT TIME ZONE 'UTC',
            'YYYY-MM-DD HH24:MI:SS "UTC"'),
        coalesce(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80), p.gid, '')
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
        LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
            AND x.virtualtransaction = l.virtualtransaction
        LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
    WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.relation IN (SELECT coalesce(p.relid, c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL pg_partition_tree(c.oid) p ON c.relkind = 'p'
        WHERE format('%I.%I', n.nspname, c.relname) = ANY({names}))
    ORDER BY 1
"""


def array(names: Iterable[str]) -> Composable:
    """Names as a text[] value."""
    return SQL("ARRAY[{}]::text[]").format(COMMA.join(Literal(name) for name in names))


def default_grants(ask: Ask, namespace: str) -> list[Grant]:
    """What ALTER DEFAULT PRIVILEGES promises for new tables of this user in a schema; empty when it says nothing."""
    rows = ask(SQL(_DEFAULT_GRANTS).format(namespace=Literal(namespace)))
    return [Grant(str(row[0]), str(row[1]), str(row[2]), bool(row[3])) for row in rows]


def grant_statements(target: Composable, have: list[Grant], want: list[Grant], columns: set[str]) -> list[Composable]:
    """Turn the grants of a table into the wanted ones, in their order, as far as it has the columns."""
    want = [grant for grant in want if not grant.column or grant.column in columns]
    if have == want:
        return []
    # A REVOKE for the table takes those of its columns along.
    everybody = dict.fromkeys(grant.grantee for grant in have)
    statements = [SQL("REVOKE ALL ON TABLE {} FROM {} CASCADE").format(target, _role(who)) for who in everybody]
    for grant in want:
        column = SQL(" ({})").format(Identifier(grant.column)) if grant.column else SQL("")
        statements.append(
            SQL("GRANT {}{} ON TABLE {} TO {}{}").format(
                _privilege(grant.privilege),
                column,
                target,
                _role(grant.grantee),
                SQL(" WITH GRANT OPTION") if grant.grantable else SQL(""),
            )
        )
    return statements


def blockers(ask: Ask, places: Iterable[tuple[str, str]]) -> list[Blocker]:
    """Who holds a lock on one of these relations, or on a partition of one, right now."""
    quoted = SQL("ARRAY[{}]::text[]").format(
        COMMA.join(SQL("format('%I.%I', {}, {})").format(Literal(schema), Literal(name)) for schema, name in places)
    )
    rows = ask(SQL(_BLOCKERS).format(names=quoted))
    return [Blocker(int(str(row[0])), *(str(value) for value in row[1:])) for row in rows]


_PRIVILEGES: dict[str, Composable] = {
    "SELECT": SQL("SELECT"),
    "INSERT": SQL("INSERT"),
    "UPDATE": SQL("UPDATE"),
    "DELETE": SQL("DELETE"),
    "TRUNCATE": SQL("TRUNCATE"),
    "REFERENCES": SQL("REFERENCES"),
    "TRIGGER": SQL("TRIGGER"),
    "MAINTAIN": SQL("MAINTAIN"),
}


def _privilege(name: str) -> Composable:
    return _PRIVILEGES[name]


def _role(name: str) -> Composable:
    return Identifier(name) if name else SQL("PUBLIC")
