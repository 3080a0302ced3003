"""What PostgreSQL's catalogue is asked about live tables: one statement, every row of it an Entry of a Snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from boardlift.destinations.interface import hidden_namespace
from boardlift.destinations.postgres.inspect import array
from boardlift.shape.sql import SQL, Composable, Literal


def statement(namespace: str, names: Iterable[str]) -> Composable:
    """The question whose rows `read` reads: these relations, and views on them, and views on those.

    To be asked with `search_path = pg_catalog`.
    """
    return _head(namespace, names) + _entries()


def watched(namespace: str, names: Iterable[str]) -> Composable:
    """The same rows, each with a digest of all that is said of its relation."""
    digested = SQL(_DIGESTED).format(_head(namespace, names), _entries())
    return digested + SQL("SELECT e.*, d.digest FROM entries e JOIN digests d USING (place, relation)")


GONE = "gone"


def otherwise(namespace: str, names: Iterable[str], known: Iterable[str]) -> Composable:
    """The rows of relations whose digest is none of `known`, and one of kind GONE for each of those that is no more."""
    digested = SQL(_DIGESTED).format(_head(namespace, names), _entries())
    return digested + SQL(_OTHERWISE).format(known=array(known), gone=Literal(GONE))


def _head(namespace: str, names: Iterable[str]) -> Composable:
    hidden = Literal(hidden_namespace(namespace))
    return SQL(_SCOPE).format(namespace=Literal(namespace), hidden=hidden, names=array(names))


def _entries() -> Composable:
    return SQL(" UNION ALL ").join([SQL(part).format(**_PARTS) for part in _ENTRIES])


def _uses(catalog: LiteralString, oid: LiteralString) -> Composable:
    return SQL(_USES).format(catalog=SQL(catalog), oid=SQL(oid))


def _given(owner: LiteralString) -> Composable:
    return SQL(_GIVEN).format(owner=SQL(owner))


_SCOPE: LiteralString = """
    WITH RECURSIVE scope(oid) AS (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = {namespace} AND c.relname = ANY({names}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION
        SELECT w.ev_class FROM scope s
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
            AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN'
    ), me AS (SELECT r.rolsuper AS super FROM pg_roles r WHERE r.rolname = current_user
    ), hidden AS (SELECT n.oid FROM pg_namespace n WHERE n.nspname = {hidden}
    ), rel AS MATERIALIZED (
        SELECT c.*, n.nspname FROM scope s JOIN pg_class c ON c.oid = s.oid
        JOIN pg_namespace n ON n.oid = c.relnamespace
    )
"""

_DIGESTED: LiteralString = """
    {} , entries AS MATERIALIZED ({}), digests AS MATERIALIZED (
        SELECT z.place, z.relation, md5(string_agg(z.said, ',' ORDER BY z.said COLLATE "C")) AS digest FROM (
            SELECT place, relation, jsonb_build_array(kind, place, relation, name, detail)::text AS said FROM entries
        ) AS z GROUP BY 1, 2
    )
"""

_OTHERWISE: LiteralString = """
    , known AS MATERIALIZED (SELECT k.digest FROM unnest({known}::text[]) AS k(digest))
    SELECT e.* FROM entries e JOIN digests d USING (place, relation)
    WHERE NOT EXISTS (SELECT FROM known k WHERE k.digest = d.digest)
    UNION ALL
    SELECT {gone}, '', '', k.digest, 'null' FROM known k
    WHERE NOT EXISTS (SELECT FROM digests d WHERE d.digest = k.digest)
"""

_USES: LiteralString = """
    (SELECT jsonb_agg(DISTINCT jsonb_build_array(un.nspname, uc.relname, coalesce(ua.attname, '')))
    FROM pg_depend u JOIN pg_class uc ON uc.oid = u.refobjid JOIN pg_namespace un ON un.oid = uc.relnamespace
        LEFT JOIN pg_attribute ua ON ua.attrelid = uc.oid AND ua.attnum = u.refobjsubid AND u.refobjsubid > 0
    WHERE u.classid = '{catalog}'::regclass AND u.objid = {oid} AND u.refclassid = 'pg_class'::regclass
        AND uc.relkind IN ('r', 'p', 'v', 'm', 'f'))
"""

# What is owned by others is made in the hidden schema, and given to them there.
_GIVEN: LiteralString = """
    'mine', pg_has_role({owner}, 'USAGE'), 'settable', pg_has_role({owner}, CASE
        WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END),
    'receives', (SELECT u.super FROM me u) OR coalesce((SELECT has_schema_privilege({owner}, h.oid, 'CREATE')
        AND has_schema_privilege({owner}, h.oid, 'USAGE') FROM hidden h), true)
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
    "given_relation": _given("c.relowner"),
    "given_statistics": _given("x.stxowner"),
    "generated_columns": SQL(
        "(SELECT jsonb_agg(DISTINCT ua.attname) FROM pg_depend u JOIN pg_attribute ua ON ua.attrelid = u.refobjid"
        " AND ua.attnum = u.refobjsubid AND ua.attnum <> a.attnum WHERE a.attgenerated <> '' AND u.refobjid = c.oid"
        " AND u.refclassid = 'pg_class'::regclass AND ((u.classid = 'pg_attrdef'::regclass AND u.objid = e.oid)"
        " OR (u.classid = 'pg_class'::regclass AND u.objid = c.oid AND u.objsubid = a.attnum)))"
    ),
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
        {given_relation}, 'may_create', has_schema_privilege(c.relnamespace, 'CREATE'),
        'method', (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam),
        'published', EXISTS (SELECT FROM pg_publication b WHERE (b.pubupdate OR b.pubdelete) AND (b.puballtables
            OR EXISTS (SELECT FROM pg_publication_rel q WHERE q.prpubid = b.oid AND q.prrelid = c.oid)
            OR EXISTS (SELECT FROM pg_publication_namespace q WHERE q.pnpubid = b.oid
                AND q.pnnspid = c.relnamespace))),
        'active', row_security_active(c.oid), 'labels', (SELECT jsonb_agg(jsonb_build_array(l.provider, l.label)
            ORDER BY l.provider) FROM pg_seclabel l WHERE l.classoid = 'pg_class'::regclass AND l.objoid = c.oid
            AND l.objsubid = 0)) AS detail
    FROM rel c
    """,
    """
    SELECT 'column', c.nspname, c.relname, a.attname, jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod), 'position', a.attnum, 'not_null', a.attnotnull,
        'acl', {column_acl}, 'comment', col_description(c.oid, a.attnum), 'default', pg_get_expr(e.adbin, e.adrelid),
        'generated', a.attgenerated, 'columns', {generated_columns},
        'identity', a.attidentity, 'statistics', coalesce(a.attstattarget, -1),
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
        'comment', obj_description(k.oid, 'pg_constraint'), 'partitioned', o.relkind = 'p',
        'mine', pg_has_role(o.relowner, 'USAGE'), 'reachable', has_schema_privilege(n.oid, 'USAGE'),
        'referable', has_schema_privilege(m.oid, 'USAGE') AND NOT EXISTS (SELECT FROM unnest(k.confkey) AS q(attnum)
            WHERE NOT has_column_privilege(f.oid, q.attnum, 'REFERENCES')),
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
        'enabled', t.tgenabled, 'comment', obj_description(t.oid, 'pg_trigger'), 'columns', {trigger_columns},
        'calls', f.oid::regprocedure::text, 'callable', has_function_privilege(f.oid, 'EXECUTE')
            AND has_schema_privilege(f.pronamespace, 'USAGE'))
    FROM rel c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0
        JOIN pg_proc f ON f.oid = t.tgfoid
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
        {given_statistics}, 'may_create', has_schema_privilege(n.oid, 'CREATE'),
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
        'uses', {function_uses}, 'mine', pg_has_role(f.proowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'),
        'vouched', f.proleakproof AND NOT (SELECT u.super FROM me u), 'extended', EXISTS (SELECT FROM pg_depend x
            WHERE x.classid = 'pg_proc'::regclass AND x.objid = f.oid AND x.deptype = 'x'))
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE f.prokind IN ('f', 'p') AND EXISTS (SELECT FROM pg_depend d JOIN scope s ON s.oid = d.refobjid
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass)
    """,
    """
    SELECT DISTINCT 'other', c.nspname, c.relname, i.identity, jsonb_build_object('what', i.identity)
    FROM rel c JOIN pg_type y ON y.oid = c.reltype JOIN pg_depend d ON d.deptype IN ('n', 'a', 'e', 'P', 'S') AND (
        (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.classid <> ALL (ARRAY['pg_rewrite'::regclass,
            'pg_policy'::regclass, 'pg_publication_rel'::regclass, 'pg_proc'::regclass]::oid[])
            AND NOT (d.classid = 'pg_class'::regclass
                AND EXISTS (SELECT FROM pg_index x WHERE x.indexrelid = d.objid AND x.indrelid = c.oid))
            AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint k
                WHERE k.oid = d.objid AND (k.conrelid = c.oid OR k.contype = 'f')))
            AND NOT (d.classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t
                WHERE t.oid = d.objid AND (t.tgrelid = c.oid OR t.tgisinternal)))
            AND NOT (d.classid = 'pg_statistic_ext'::regclass
                AND EXISTS (SELECT FROM pg_statistic_ext x WHERE x.oid = d.objid AND x.stxrelid = c.oid))
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
    """
    SELECT 'other', c.nspname, c.relname, z.name, jsonb_build_object('what', z.what, 'out', z.way_out)
    FROM rel c JOIN pg_type y ON y.oid = c.reltype CROSS JOIN LATERAL (VALUES
        ('typed', c.reloftype <> 0, format('the type %s that the table is of', format_type(c.reloftype, NULL)),
            'ALTER TABLE ... NOT OF'),
        ('type rights', y.typacl IS NOT NULL, 'grants on the row type', 'GRANT USAGE ON TYPE ... TO PUBLIC'),
        ('type comment', obj_description(y.oid, 'pg_type') IS NOT NULL, 'the comment on the row type',
            'COMMENT ON TYPE ... IS NULL')) AS z(name, there, what, way_out)
    WHERE z.there AND c.relkind IN ('r', 'm')
    """,
    """
    SELECT DISTINCT 'other', c.nspname, c.relname, format('triggers of %s', k.oid), jsonb_build_object('what',
        format('disabled triggers of constraint %s on %s', k.conname, k.conrelid::regclass),
        'out', format('ALTER TABLE %s ENABLE TRIGGER ALL, or drop the constraint', t.tgrelid::regclass))
    FROM rel c JOIN pg_constraint k ON c.oid IN (k.conrelid, k.confrelid)
        JOIN pg_trigger t ON t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled <> 'O'
    """,
    """
    SELECT 'other', c.nspname, c.relname, format('extension %s %s', d.classid, d.objid), jsonb_build_object('what',
        format('the tie of %s to extension %s', pg_describe_object(d.classid, d.objid, 0), e.extname),
        'out', format('untie it (NO DEPENDS ON EXTENSION, or ALTER EXTENSION %I DROP ...)', e.extname))
    FROM rel c JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.deptype IN ('e', 'x') AND (
        (d.classid = 'pg_class'::regclass AND (d.objid = c.oid OR EXISTS (SELECT FROM pg_index x
            WHERE x.indexrelid = d.objid AND x.indrelid = c.oid)))
        OR (d.classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t
            WHERE t.oid = d.objid AND t.tgrelid = c.oid))) JOIN pg_extension e ON e.oid = d.refobjid
    WHERE c.relkind IN ('r', 'm')
    """,
)
