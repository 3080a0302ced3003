"""What PostgreSQL's own catalogue says about live tables: what is built on them, who may read them, who holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import LiteralString

from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

Rows = list[tuple[object, ...]]
Ask = Callable[[Composable], Rows]


@dataclass(frozen=True)
class Index:
    """An index that is not the primary key. `definition` is what follows USING in PostgreSQL's own words."""

    name: str
    unique: bool
    definition: str


@dataclass(frozen=True)
class Relation:
    """A relation in the live namespace, with all that a swap has to carry over or must not leave behind.

    `grants` and `column_grants` are PostgreSQL's own words for them; `dependants` describes objects built on it.
    """

    name: str
    oid: int
    kind: str
    owner: str
    grants: str
    column_grants: str
    dependants: tuple[str, ...]
    indexes: tuple[Index, ...]


@dataclass(frozen=True)
class Grant:
    """One privilege. `column` is empty for the whole table, `grantee` is empty for PUBLIC."""

    column: str
    grantee: str
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class Blocker:
    """A session that holds a lock on a live table."""

    pid: int
    user: str
    application: str
    state: str
    since: str
    query: str

    def __str__(self) -> str:
        program = f" ({self.application})" if self.application else ""
        return f"pid {self.pid}, user {self.user}{program}, {self.state} since {self.since}: {self.query}"


_DEPENDANTS: LiteralString = """
    SELECT DISTINCT CASE
        WHEN w.ev_class IS NOT NULL AND w.ev_class <> c.oid THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
        ELSE pg_describe_object(d.classid, d.objid, d.objsubid)
    END AS what
    FROM pg_depend d
    LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    WHERE (d.refclassid, d.refobjid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, c.reltype))
    AND d.deptype IN ('n', 'a')
    AND d.classid IN ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
        'pg_publication_rel'::regclass, 'pg_proc'::regclass, 'pg_class'::regclass, 'pg_type'::regclass)
    AND NOT EXISTS (SELECT FROM pg_index i WHERE d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid)
    AND NOT EXISTS (SELECT FROM pg_trigger t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
        AND t.tgisinternal)
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
        AND k.conrelid = c.oid AND k.contype IN ('p', 'n'))
"""  # a list of what would stay with the outgoing table; its own indexes, key and NOT NULLs may

_INDEXES: LiteralString = """
    SELECT i.relname AS name, x.indisunique AS is_unique, pg_get_indexdef(x.indexrelid) AS made,
        format('CREATE %sINDEX %I ON %I.%I USING ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname, n.nspname,
            c.relname) AS head
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid = c.oid AND x.indisvalid AND NOT x.indisprimary
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('u', 'x'))
"""  # those of constraints are among the dependants

_RELATIONS: LiteralString = (
    """
    SELECT c.relname, c.oid::bigint, c.relkind::text, pg_get_userbyid(c.relowner),
        coalesce(c.relacl, acldefault('r', c.relowner))::text,
        coalesce((SELECT string_agg(a.attname || a.attacl::text, ',' ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped), ''),
        coalesce((SELECT array_agg(f.what ORDER BY f.what) FROM ("""
    + _DEPENDANTS
    + """) f), '{{}}') || CASE WHEN c.relrowsecurity THEN ARRAY['row security of table ' || c.relname] ELSE '{{}}' END,
        coalesce((SELECT array_agg(ARRAY[f.name, f.is_unique::text, substr(f.made, length(f.head) + 1)] ORDER BY f.name)
            FROM ("""
    + _INDEXES
    + """) f WHERE starts_with(f.made, f.head)), '{{}}')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {namespace} AND c.relname = ANY({names}) ORDER BY c.relname
    """
)

_GRANTS: LiteralString = """
    SELECT '', coalesce(r.rolname, ''), x.privilege_type, x.is_grantable
    FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x
        LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE c.oid = to_regclass({table})
    UNION
    SELECT a.attname, coalesce(r.rolname, ''), x.privilege_type, x.is_grantable
    FROM pg_attribute a, aclexplode(a.attacl) x LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE a.attrelid = to_regclass({table}) AND NOT a.attisdropped
    ORDER BY 1, 2, 3
"""

_DEFAULT_GRANTS: LiteralString = """
    SELECT '', coalesce(r.rolname, ''), x.privilege_type, x.is_grantable
    FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x
        LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE n.nspname = {namespace} AND d.defaclobjtype = 'r'
    AND d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
    ORDER BY 1, 2, 3
"""

_BLOCKERS: LiteralString = """
    SELECT DISTINCT coalesce(a.pid, 0), coalesce(a.usename, '?'), coalesce(a.application_name, ''),
        coalesce(a.state, a.backend_type, 'a prepared transaction'),
        to_char(coalesce(a.xact_start, a.state_change, a.backend_start) AT TIME ZONE 'UTC',
            'YYYY-MM-DD HH24:MI:SS "UTC"'),
        coalesce(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 80), '')
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.relation IN (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = {namespace} AND c.relname = ANY({names}))
    ORDER BY 1
"""


def array(names: Iterable[str]) -> Composable:
    """Names as a text[] value."""
    return SQL("ARRAY[{}]::text[]").format(COMMA.join(Literal(name) for name in names))


def relations_statement(namespace: str, names: Iterable[str]) -> Composable:
    """The question whose rows `read_relations` reads."""
    return SQL(_RELATIONS).format(namespace=Literal(namespace), names=array(names))


def read_relations(rows: Rows) -> list[Relation]:
    """Rows of `relations_statement` -> relations by name."""
    return [
        Relation(
            *(str(row[0]), int(str(row[1])), str(row[2]), str(row[3]), str(row[4]), str(row[5])),
            dependants=tuple(str(what) for what in _members(row[6])),
            indexes=tuple(_index(index) for index in _members(row[7])),
        )
        for row in rows
    ]


def grants(ask: Ask, namespace: str, table: str) -> list[Grant]:
    """Every privilege on a table and its columns."""
    return _grants(ask(SQL(_GRANTS).format(table=Literal(Identifier(namespace, table).text))))


def default_grants(ask: Ask, namespace: str) -> list[Grant]:
    """What ALTER DEFAULT PRIVILEGES promises for new tables of this user in a schema; empty when it says nothing."""
    return _grants(ask(SQL(_DEFAULT_GRANTS).format(namespace=Literal(namespace))))


def grant_statements(target: Composable, have: list[Grant], want: list[Grant], columns: set[str]) -> list[Composable]:
    """Turn the grants of a table into the wanted ones, as far as it has the columns."""
    want = [grant for grant in want if not grant.column or grant.column in columns]
    if set(have) == set(want):
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


def blockers(ask: Ask, namespace: str, names: Iterable[str]) -> list[Blocker]:
    """The sessions that hold locks on live tables right now."""
    rows = ask(SQL(_BLOCKERS).format(namespace=Literal(namespace), names=array(names)))
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


def _grants(rows: Rows) -> list[Grant]:
    return [Grant(str(row[0]), str(row[1]), str(row[2]), bool(row[3])) for row in rows]


def _members(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _index(value: object) -> Index:
    name, unique, definition = _members(value)
    return Index(str(name), unique == "true", str(definition))
