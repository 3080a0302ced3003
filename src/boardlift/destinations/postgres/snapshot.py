"""What PostgreSQL's catalogue says, by name, about live tables and all that is built on them.

One statement reads it; the rows are compared before and after a swap, and what has to be made again is made from them.
Definitions are PostgreSQL's own text, written with `search_path = pg_catalog`, so that every name has its schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

from boardlift.destinations.postgres.inspect import Rows, array
from boardlift.shape.sql import SQL, Composable, Identifier, Literal

Place = tuple[str, str]
"""A relation by schema and name."""


@dataclass(frozen=True)
class Entry:
    """One fact: an object of `kind` called `name` on the relation at `place`. `detail` is what its definition says."""

    kind: str
    place: Place
    name: str
    detail: dict[str, Any]

    @property
    def key(self) -> tuple[str, Place, str]:
        return self.kind, self.place, self.name

    @property
    def columns(self) -> set[str]:
        """The columns of its own relation that it needs."""
        return set(self.detail.get("columns") or ())

    def uses(self, place: Place) -> set[str]:
        """The columns of a relation that it reads; an empty name stands for the relation as such."""
        return {column for schema, name, column in self.detail.get("uses") or () if (schema, name) == place}

    @property
    def used(self) -> set[Place]:
        """The relations it reads."""
        return {(schema, name) for schema, name, _ in self.detail.get("uses") or ()} - (
            {self.place} if self.kind == "view" else set()
        )

    def __str__(self) -> str:
        return describe(self)


@dataclass(frozen=True)
class Snapshot:
    """Everything that was found, in the order of kind, relation and name."""

    entries: tuple[Entry, ...]

    @cached_property
    def _by_kind(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.kind, []).append(entry)
        return found

    @cached_property
    def _by_place(self) -> dict[tuple[str, Place], list[Entry]]:
        found: dict[tuple[str, Place], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault((entry.kind, entry.place), []).append(entry)
        return found

    def of(self, kind: str, place: Place | None = None) -> Iterator[Entry]:
        """Entries of a kind, on one relation or on all."""
        return iter(self._by_kind.get(kind, ()) if place is None else self._by_place.get((kind, place), ()))

    def relation(self, place: Place) -> Entry | None:
        return next(self.of("relation", place), None)

    def columns(self, place: Place) -> dict[str, Entry]:
        """Columns of a relation by name, in their order."""
        found = sorted(self.of("column", place), key=lambda entry: int(entry.detail["position"]))
        return {entry.name: entry for entry in found}

    def types(self, place: Place) -> dict[str, str]:
        """The types of its columns."""
        return {name: str(column.detail["type"]) for name, column in self.columns(place).items()}

    def key(self, place: Place) -> tuple[str, ...]:
        """The columns of its primary key, none where it has no key."""
        primary = (index for index in self.of("index", place) if index.detail["primary"])
        return next((tuple(index.detail["keys"]) for index in primary), ())

    def only(self, place: Place) -> Snapshot:
        """What is said of one relation, without the views on it."""
        return Snapshot(tuple(entry for entry in self.entries if entry.place == place))

    @property
    def places(self) -> set[Place]:
        return {entry.place for entry in self.of("relation")}


_WORDS = {
    "foreign": "foreign key",
    "check": "constraint",
    "not_null": "constraint",
    "statistics": "statistics object",
}


def spelled(place: Place) -> str:
    """A relation as people write it."""
    return ".".join(part if part.isidentifier() and part == part.lower() else Identifier(part).text for part in place)


def describe(entry: Entry) -> str:
    """An entry in words: `trigger ring on monday.planning`."""
    where = spelled(entry.place)
    match entry.kind:
        case "relation":
            return f"table {where}"
        case "view":
            return f"{'materialized view' if entry.detail['kind'] == 'm' else 'view'} {where}"
        case "function" | "other":
            return str(entry.detail["what"])
        case "index" if entry.detail["constraint"]:
            return f"constraint {entry.name} on {where}"
        case "publication":
            return f"publication {entry.name} of {where}"
    return f"{_WORDS.get(entry.kind, entry.kind)} {entry.name} on {where}"


def read(rows: Rows) -> Snapshot:
    """Rows of `statement` -> Snapshot."""
    found = [Entry(str(k), (str(s), str(r)), str(n), json.loads(str(detail))) for k, s, r, n, detail in rows]
    return Snapshot(tuple(sorted(found, key=lambda entry: entry.key)))


def statement(namespace: str, names: Iterable[str]) -> Composable:
    """The question whose rows `read` reads: these relations, and views on them, and views on those.

    To be asked with `search_path = pg_catalog`.
    """
    parts = [SQL(part).format(**_PARTS) for part in _ENTRIES]
    head = SQL(_SCOPE).format(namespace=Literal(namespace), names=array(names))
    return head + SQL(" UNION ALL ").join(parts)


def _uses(catalog: LiteralString, oid: LiteralString) -> Composable:
    return SQL(_USES).format(catalog=SQL(catalog), oid=SQL(oid))


_SCOPE: LiteralString = """
    WITH RECURSIVE scope(oid) AS (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = {namespace} AND c.relname = ANY({names}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION
        SELECT w.ev_class FROM scope s
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
            AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
    ), rel AS MATERIALIZED (
        SELECT c.*, n.nspname FROM scope s JOIN pg_class c ON c.oid = s.oid
        JOIN pg_namespace n ON n.oid = c.relnamespace
    )
"""

_USES: LiteralString = """
    (SELECT jsonb_agg(DISTINCT jsonb_build_array(un.nspname, uc.relname, coalesce(ua.attname, '')))
    FROM pg_depend u JOIN pg_class uc ON uc.oid = u.refobjid JOIN pg_namespace un ON un.oid = uc.relnamespace
        LEFT JOIN pg_attribute ua ON ua.attrelid = uc.oid AND ua.attnum = u.refobjsubid AND u.refobjsubid > 0
    WHERE u.classid = '{catalog}'::regclass AND u.objid = {oid} AND u.refclassid = 'pg_class'::regclass
        AND uc.relkind IN ('r', 'p', 'v', 'm', 'f'))
"""

_PARTS: dict[str, Composable] = {
    # Who gave a grant is left out: a successor has all of them from its owner.
    "acl": SQL(
        "(SELECT jsonb_agg(jsonb_build_array(z.who, z.privilege_type, z.grantable) ORDER BY z.place) FROM"
        " (SELECT coalesce(g.rolname, '') AS who, x.privilege_type, bool_or(x.is_grantable) AS grantable,"
        " min(x.place) AS place FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner)))"
        " WITH ORDINALITY AS x(grantor, grantee, privilege_type, is_grantable, place)"
        " LEFT JOIN pg_roles g ON g.oid = x.grantee GROUP BY 1, 2) AS z)"
    ),
    "column_acl": SQL(
        "(SELECT jsonb_agg(jsonb_build_array(z.who, z.privilege_type, z.grantable) ORDER BY z.place) FROM"
        " (SELECT coalesce(g.rolname, '') AS who, x.privilege_type, bool_or(x.is_grantable) AS grantable,"
        " min(x.place) AS place FROM aclexplode(a.attacl)"
        " WITH ORDINALITY AS x(grantor, grantee, privilege_type, is_grantable, place)"
        " LEFT JOIN pg_roles g ON g.oid = x.grantee GROUP BY 1, 2) AS z)"
    ),
    "rule_uses": _uses("pg_rewrite", "w.oid"),
    "policy_uses": _uses("pg_policy", "p.oid"),
    "function_uses": _uses("pg_proc", "f.oid"),
    "trigger_columns": SQL(
        "(SELECT jsonb_agg(DISTINCT ua.attname) FROM pg_depend u JOIN pg_attribute ua ON ua.attrelid = u.refobjid"
        " AND ua.attnum = u.refobjsubid WHERE u.classid = 'pg_trigger'::regclass AND u.objid = t.oid"
        " AND u.refclassid = 'pg_class'::regclass AND u.refobjid = t.tgrelid AND u.refobjsubid > 0)"
    ),
}

_ENTRIES: tuple[LiteralString, ...] = (
    """
    SELECT 'relation' AS kind, c.nspname::text AS place, c.relname::text AS relation, '' AS name, jsonb_build_object(
        'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner), 'acl', {acl}, 'options', c.reloptions,
        'toast', (SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid),
        'tablespace', (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
        'persistence', c.relpersistence, 'secured', c.relrowsecurity, 'forced', c.relforcerowsecurity,
        'identity', c.relreplident, 'comment', obj_description(c.oid, 'pg_class'), 'populated', c.relispopulated,
        'mine', pg_has_role(c.relowner, 'USAGE'), 'may_create', has_schema_privilege(c.relnamespace, 'CREATE'),
        'active', row_security_active(c.oid), 'labels', (SELECT jsonb_agg(jsonb_build_array(l.provider, l.label)
            ORDER BY l.provider) FROM pg_seclabel l WHERE l.classoid = 'pg_class'::regclass AND l.objoid = c.oid
            AND l.objsubid = 0)) AS detail
    FROM rel c
    """,
    """
    SELECT 'column', c.nspname, c.relname, a.attname, jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod), 'position', a.attnum, 'not_null', a.attnotnull,
        'acl', {column_acl}, 'comment', col_description(c.oid, a.attnum), 'default', pg_get_expr(e.adbin, e.adrelid),
        'generated', a.attgenerated, 'identity', a.attidentity, 'statistics', coalesce(a.attstattarget, -1),
        'storage', a.attstorage, 'usual_storage', y.typstorage, 'compression', a.attcompression,
        'options', a.attoptions, 'collation', (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
            JOIN pg_namespace cn ON cn.oid = co.collnamespace
            WHERE co.oid = a.attcollation AND a.attcollation <> y.typcollation),
        'labels', (SELECT jsonb_agg(jsonb_build_array(l.provider, l.label)
            ORDER BY l.provider) FROM pg_seclabel l WHERE l.classoid = 'pg_class'::regclass AND l.objoid = c.oid
            AND l.objsubid = a.attnum))
    FROM rel c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
    """,
    """
    SELECT 'index', c.nspname, c.relname, i.relname, jsonb_build_object(
        'unique', x.indisunique, 'primary', x.indisprimary, 'valid', x.indisvalid, 'clustered', x.indisclustered,
        'identity', x.indisreplident, 'tablespace', (SELECT s.spcname FROM pg_tablespace s
            WHERE s.oid = i.reltablespace), 'comment', obj_description(i.oid, 'pg_class'), 'constraint', k.contype,
        'options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(i.reloptions) AS o),
        'definition', coalesce(pg_get_constraintdef(k.oid), substr(pg_get_indexdef(i.oid), length(format(
            'CREATE %sINDEX %I ON %I.%I USING ', CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname, c.nspname,
            c.relname)) + 1)),
        'constraint_comment', obj_description(k.oid, 'pg_constraint'),
        'statistics', (SELECT jsonb_agg(jsonb_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = i.oid AND a.attstattarget >= 0),
        'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND
            (a.attnum = ANY(x.indkey) OR a.attnum = ANY(k.conkey) OR EXISTS (SELECT FROM pg_depend u
            WHERE u.classid = 'pg_class'::regclass AND u.objid = i.oid AND u.refclassid = 'pg_class'::regclass
            AND u.refobjid = c.oid AND u.refobjsubid = a.attnum))),
        'keys', (SELECT jsonb_agg(coalesce(a.attname, '') ORDER BY q.place)
            FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS q(attnum, place)
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = q.attnum))
    FROM rel c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
        LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')
    """,
    """
    SELECT CASE k.contype WHEN 'n' THEN 'not_null' ELSE 'check' END, c.nspname, c.relname, k.conname,
        jsonb_build_object('definition', pg_get_constraintdef(k.oid),
        'comment', obj_description(k.oid, 'pg_constraint'),
        'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid
            AND a.attnum = ANY(k.conkey)))
    FROM rel c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'n')
    """,
    """
    SELECT 'foreign', n.nspname, o.relname, k.conname, jsonb_build_object(
        'target', jsonb_build_array(m.nspname, f.relname), 'definition', pg_get_constraintdef(k.oid),
        'own', format('FOREIGN KEY (%s) REFERENCES ', (SELECT string_agg(quote_ident(a.attname), ', '
            ORDER BY q.place) FROM unnest(k.conkey) WITH ORDINALITY AS q(attnum, place) JOIN pg_attribute a
            ON a.attrelid = k.conrelid AND a.attnum = q.attnum)), 'far', format('%I.%I', m.nspname, f.relname),
        'comment', obj_description(k.oid, 'pg_constraint'), 'mine', pg_has_role(o.relowner, 'USAGE'),
        'lockable', pg_has_role(f.relowner, 'USAGE') OR has_table_privilege(f.oid, 'UPDATE, DELETE, TRUNCATE'),
        'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = k.conrelid
            AND a.attnum = ANY(k.conkey)),
        'uses', (SELECT jsonb_agg(jsonb_build_array(m.nspname, f.relname, a.attname) ORDER BY a.attname)
            FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = ANY(k.confkey)))
    FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid JOIN pg_namespace n ON n.oid = o.relnamespace
        JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace m ON m.oid = f.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0
    AND EXISTS (SELECT FROM scope s WHERE s.oid IN (k.conrelid, k.confrelid))
    """,
    """
    SELECT 'trigger', c.nspname, c.relname, t.tgname, jsonb_build_object('definition', pg_get_triggerdef(t.oid),
        'enabled', t.tgenabled, 'comment', obj_description(t.oid, 'pg_trigger'), 'columns', {trigger_columns})
    FROM rel c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0
    """,
    """
    SELECT 'rule', n.nspname, o.relname, w.rulename, jsonb_build_object('definition', pg_get_ruledef(w.oid),
        'enabled', w.ev_enabled, 'comment', obj_description(w.oid, 'pg_rewrite'), 'uses', {rule_uses},
        'event', w.ev_type, 'mine', pg_has_role(o.relowner, 'USAGE'))
    FROM pg_rewrite w JOIN pg_class o ON o.oid = w.ev_class JOIN pg_namespace n ON n.oid = o.relnamespace
    WHERE w.rulename <> '_RETURN' AND EXISTS (SELECT FROM pg_depend d JOIN scope s ON s.oid = d.refobjid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass)
    """,
    """
    SELECT 'policy', n.nspname, o.relname, p.polname, jsonb_build_object('permissive', p.polpermissive,
        'command', p.polcmd, 'roles', (SELECT jsonb_agg(coalesce(r.rolname, '') ORDER BY r.rolname)
            FROM unnest(p.polroles) AS q(oid) LEFT JOIN pg_roles r ON r.oid = q.oid),
        'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', obj_description(p.oid, 'pg_policy'), 'uses', {policy_uses},
        'mine', pg_has_role(o.relowner, 'USAGE'))
    FROM pg_policy p JOIN pg_class o ON o.oid = p.polrelid JOIN pg_namespace n ON n.oid = o.relnamespace
    WHERE EXISTS (SELECT FROM pg_depend d JOIN scope s ON s.oid = d.refobjid
        WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass)
    """,
    """
    SELECT 'statistics', c.nspname, c.relname, format('%I.%I', n.nspname, x.stxname), jsonb_build_object(
        'place', jsonb_build_array(n.nspname, x.stxname), 'owner', pg_get_userbyid(x.stxowner),
        'target', coalesce(x.stxstattarget, -1), 'comment', obj_description(x.oid, 'pg_statistic_ext'),
        'definition', substr(pg_get_statisticsobjdef(x.oid), length(format('CREATE STATISTICS %I.%I', n.nspname,
            x.stxname)) + 1, length(pg_get_statisticsobjdef(x.oid)) - length(format('CREATE STATISTICS %I.%I',
            n.nspname, x.stxname)) - length(format(' FROM %I.%I', c.nspname, c.relname))),
        'columns', (SELECT jsonb_agg(DISTINCT a.attname) FROM pg_depend u JOIN pg_attribute a ON a.attrelid = c.oid
            AND a.attnum = u.refobjsubid WHERE u.classid = 'pg_statistic_ext'::regclass AND u.objid = x.oid
            AND u.refclassid = 'pg_class'::regclass AND u.refobjid = c.oid AND u.refobjsubid > 0))
    FROM rel c JOIN pg_statistic_ext x ON x.stxrelid = c.oid JOIN pg_namespace n ON n.oid = x.stxnamespace
    """,
    """
    SELECT 'publication', c.nspname, c.relname, b.pubname, jsonb_build_object(
        'columns', (SELECT jsonb_agg(DISTINCT a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND (
            a.attnum = ANY(q.prattrs) OR EXISTS (SELECT FROM pg_depend u WHERE u.objid = q.oid
            AND u.classid = 'pg_publication_rel'::regclass AND u.refclassid = 'pg_class'::regclass
            AND u.refobjid = c.oid AND u.refobjsubid = a.attnum))),
        'list', (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid
            AND a.attnum = ANY(q.prattrs)), 'filter', pg_get_expr(q.prqual, q.prrelid),
        'mine', pg_has_role(b.pubowner, 'USAGE'))
    FROM rel c JOIN pg_publication_rel q ON q.prrelid = c.oid JOIN pg_publication b ON b.oid = q.prpubid
    """,
    """
    SELECT 'view', c.nspname, c.relname, '', jsonb_build_object('kind', c.relkind,
        'definition', pg_get_viewdef(c.oid), 'uses', {rule_uses},
        'filtered', (SELECT jsonb_agg(DISTINCT jsonb_build_array(un.nspname, uc.relname)) FROM pg_depend u
            JOIN pg_class uc ON uc.oid = u.refobjid JOIN pg_namespace un ON un.oid = uc.relnamespace
            JOIN pg_roles o ON o.oid = c.relowner
            WHERE c.relkind = 'm' AND u.classid = 'pg_rewrite'::regclass AND u.objid = w.oid
            AND u.refclassid = 'pg_class'::regclass AND uc.relrowsecurity AND NOT o.rolsuper AND NOT o.rolbypassrls
            AND (uc.relforcerowsecurity OR NOT pg_has_role(c.relowner, uc.relowner, 'USAGE'))))
    FROM rel c JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename = '_RETURN'
    """,
    """
    SELECT 'function', n.nspname, f.proname, f.oid::regprocedure::text, jsonb_build_object(
        'what', pg_describe_object('pg_proc'::regclass, f.oid, 0), 'definition', pg_get_functiondef(f.oid),
        'uses', {function_uses}, 'mine', pg_has_role(f.proowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'))
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE f.prokind IN ('f', 'p') AND EXISTS (SELECT FROM pg_depend d JOIN scope s ON s.oid = d.refobjid
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass)
    """,
    """
    SELECT DISTINCT 'other', c.nspname, c.relname, i.identity, jsonb_build_object('what', i.identity)
    FROM rel c JOIN pg_type y ON y.oid = c.reltype JOIN pg_depend d ON d.deptype IN ('n', 'a', 'e', 'P', 'S') AND (
        (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.classid <> ALL (ARRAY['pg_rewrite'::regclass,
            'pg_constraint'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass,
            'pg_proc'::regclass, 'pg_statistic_ext'::regclass]::oid[])
            AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index x WHERE x.indexrelid = d.objid))
            AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef e WHERE e.oid = d.objid
                AND e.adrelid = c.oid)))
        OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)
            AND NOT (d.classid = 'pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_rewrite w JOIN scope s
                ON s.oid = w.ev_class WHERE w.oid = d.objid))))
        CROSS JOIN LATERAL (SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS identity) i
    """,
    """
    SELECT 'other', c.nspname, c.relname, 'inheritance', jsonb_build_object('what',
        format('inheritance from %s', h.inhparent::regclass))
    FROM rel c JOIN pg_inherits h ON h.inhrelid = c.oid
    """,
)
