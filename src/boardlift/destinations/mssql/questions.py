"""The questions to SQL Server's catalogue about tables and what hangs on them, all sent in one batch.

Every question is about the tables called {names} in the schema {schema}; its rows begin with the table's name. One that
needs a catalogue view which a server has not is left out: there, no such object can exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

from boardlift.destinations.mssql.sql import Text, texts
from boardlift.shape.sql import SQL, Composable

_OF: LiteralString = (
    " JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name = {schema} AND t.name IN ({names})"
)

TABLES: LiteralString = (
    "SELECT t.name, t.object_id, USER_NAME(COALESCE(t.principal_id, s.principal_id)),"
    " CASE WHEN t.principal_id IS NULL THEN 0 ELSE 1 END, t.lock_escalation_desc FROM sys.tables AS t" + _OF
)
COLUMNS: LiteralString = (
    "SELECT t.name, c.name, y.name, c.max_length, c.precision, c.scale, COALESCE(c.collation_name, N''),"
    # The period of a temporal table is made by the server, as a computed column is.
    " c.is_nullable, CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 THEN 1 ELSE 0 END, c.is_identity"
    " FROM sys.tables AS t JOIN sys.columns AS c ON c.object_id = t.object_id"
    " JOIN sys.types AS y ON y.user_type_id = c.user_type_id" + _OF + " ORDER BY t.name, c.column_id"
)
MASKS: LiteralString = (
    "SELECT t.name, m.name, m.masking_function FROM sys.tables AS t"
    " JOIN sys.masked_columns AS m ON m.object_id = t.object_id AND m.is_masked = 1" + _OF
)
INDEXES: LiteralString = (
    "SELECT t.name, i.name, i.type, i.is_unique, i.is_primary_key, i.is_unique_constraint,"
    " COALESCE(i.filter_definition, N''), i.fill_factor, i.is_padded, i.ignore_dup_key, i.is_disabled,"
    " i.allow_row_locks, i.allow_page_locks,"
    " COALESCE((SELECT MAX(p.data_compression_desc) FROM sys.partitions AS p"
    " WHERE p.object_id = i.object_id AND p.index_id = i.index_id), N'NONE'),"
    " c.name, ic.key_ordinal, ic.is_descending_key, ic.is_included_column"
    " FROM sys.tables AS t JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.type > 0 AND i.is_hypothetical = 0"
    " JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id"
    " JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id"
    + _OF
    + " ORDER BY t.name, i.name, ic.key_ordinal, ic.index_column_id"
)
CHECKS: LiteralString = (
    "SELECT t.name, k.name, k.definition, k.is_disabled, k.is_not_trusted"
    " FROM sys.tables AS t JOIN sys.check_constraints AS k ON k.parent_object_id = t.object_id"
    + _OF
    + " ORDER BY t.name, k.name"
)
DEFAULTS: LiteralString = (
    "SELECT t.name, d.name, c.name, d.definition"
    " FROM sys.tables AS t JOIN sys.default_constraints AS d ON d.parent_object_id = t.object_id"
    " JOIN sys.columns AS c ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id"
    + _OF
    + " ORDER BY t.name, d.name"
)
FOREIGN_KEYS: LiteralString = (
    "SELECT k.name, cs.name, ct.name, ps.name, pt.name, cc.name, pc.name, k.delete_referential_action_desc,"
    " k.update_referential_action_desc, k.is_disabled, k.is_not_trusted, k.is_not_for_replication,"
    " ct.lock_escalation_desc"
    " FROM sys.foreign_keys AS k"
    " JOIN sys.foreign_key_columns AS x ON x.constraint_object_id = k.object_id"
    " JOIN sys.tables AS ct ON ct.object_id = k.parent_object_id JOIN sys.schemas AS cs ON cs.schema_id = ct.schema_id"
    " JOIN sys.tables AS pt ON pt.object_id = k.referenced_object_id"
    " JOIN sys.schemas AS ps ON ps.schema_id = pt.schema_id"
    " JOIN sys.columns AS cc ON cc.object_id = x.parent_object_id AND cc.column_id = x.parent_column_id"
    " JOIN sys.columns AS pc ON pc.object_id = x.referenced_object_id AND pc.column_id = x.referenced_column_id"
    " WHERE (cs.name = {schema} AND ct.name IN ({names})) OR (ps.name = {schema} AND pt.name IN ({names}))"
    " ORDER BY cs.name, ct.name, k.name, x.constraint_column_id"
)
TRIGGERS: LiteralString = (
    "SELECT t.name, g.name, COALESCE(m.definition, N''), g.is_disabled, g.is_instead_of_trigger,"
    " m.uses_ansi_nulls, m.uses_quoted_identifier, e.type_desc, e.is_first, e.is_last"
    " FROM sys.tables AS t JOIN sys.triggers AS g ON g.parent_id = t.object_id"
    " LEFT JOIN sys.sql_modules AS m ON m.object_id = g.object_id"
    " LEFT JOIN sys.trigger_events AS e ON e.object_id = g.object_id" + _OF + " ORDER BY t.name, g.name, e.type_desc"
)
GRANTS: LiteralString = (
    "SELECT t.name, p.state, p.permission_name, COALESCE(c.name, N''), e.name, o.name"
    " FROM sys.tables AS t JOIN sys.database_permissions AS p ON p.class = 1 AND p.major_id = t.object_id"
    " JOIN sys.database_principals AS e ON e.principal_id = p.grantee_principal_id"
    " JOIN sys.database_principals AS o ON o.principal_id = p.grantor_principal_id"
    " LEFT JOIN sys.columns AS c ON c.object_id = t.object_id AND c.column_id = p.minor_id"
    + _OF
    # A user cannot give permissions to itself; whoever swaps has them as the owner of the schema.
    + " AND e.principal_id <> DATABASE_PRINCIPAL_ID() ORDER BY t.name, e.name, p.permission_name, p.minor_id, p.state"
)
PROPERTIES: LiteralString = (
    "SELECT t.name, CASE WHEN c.name IS NULL THEN N'TABLE' ELSE N'COLUMN' END, COALESCE(c.name, N''), x.name,"
    " CONVERT(NVARCHAR(4000), x.value)"
    " FROM sys.tables AS t JOIN sys.extended_properties AS x ON x.class = 1 AND x.major_id = t.object_id"
    " LEFT JOIN sys.columns AS c ON c.object_id = t.object_id AND c.column_id = x.minor_id" + _OF + " UNION ALL"
    " SELECT t.name, N'INDEX', i.name, x.name, CONVERT(NVARCHAR(4000), x.value)"
    " FROM sys.tables AS t JOIN sys.extended_properties AS x ON x.class = 7 AND x.major_id = t.object_id"
    " JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.index_id = x.minor_id" + _OF + " UNION ALL"
    " SELECT t.name, CASE WHEN b.type = 'TR' THEN N'TRIGGER' ELSE N'CONSTRAINT' END, b.name, x.name,"
    " CONVERT(NVARCHAR(4000), x.value)"
    " FROM sys.tables AS t JOIN sys.objects AS b ON b.parent_object_id = t.object_id"
    " JOIN sys.extended_properties AS x ON x.class = 1 AND x.major_id = b.object_id AND x.minor_id = 0" + _OF
)
PREDICATES: LiteralString = (
    "SELECT t.name, ps.name, p.name, d.predicate_type_desc, COALESCE(d.operation_desc, N''), d.predicate_definition"
    " FROM sys.tables AS t JOIN sys.security_predicates AS d ON d.target_object_id = t.object_id"
    " JOIN sys.security_policies AS p ON p.object_id = d.object_id"
    " JOIN sys.schemas AS ps ON ps.schema_id = p.schema_id"
    + _OF
    + " ORDER BY t.name, ps.name, p.name, d.security_predicate_id"
)
STATISTICS: LiteralString = (
    "SELECT t.name, z.name, COALESCE(z.filter_definition, N''), z.no_recompute, c.name"
    " FROM sys.tables AS t JOIN sys.stats AS z ON z.object_id = t.object_id AND z.user_created = 1"
    " JOIN sys.stats_columns AS zc ON zc.object_id = z.object_id AND zc.stats_id = z.stats_id"
    " JOIN sys.columns AS c ON c.object_id = zc.object_id AND c.column_id = zc.column_id"
    + _OF
    + " ORDER BY t.name, z.name, zc.stats_column_id"
)
DEPENDANTS: LiteralString = (
    "SELECT DISTINCT t.name, bs.name, b.name, RTRIM(b.type), d.is_schema_bound_reference"
    " FROM sys.tables AS t JOIN sys.sql_expression_dependencies AS d ON d.referenced_id = t.object_id"
    " JOIN sys.objects AS b ON b.object_id = d.referencing_id AND b.type IN ('V', 'FN', 'IF', 'TF', 'P', 'TR')"
    " AND b.parent_object_id <> t.object_id"
    " JOIN sys.schemas AS bs ON bs.schema_id = b.schema_id" + _OF + " ORDER BY 1, 2, 3"
)
TIED: LiteralString = (
    "SELECT t.name, CASE WHEN t.is_memory_optimized = 1 THEN N'it is memory-optimized'"
    " WHEN t.temporal_type <> 0 THEN N'it is a temporal table or the history of one'"
    " WHEN t.is_tracked_by_cdc = 1 THEN N'change data capture is on for it'"
    " WHEN t.is_filetable = 1 THEN N'it is a file table' ELSE N'it is published for replication' END"
    " FROM sys.tables AS t" + _OF + " AND (t.is_memory_optimized = 1 OR t.temporal_type <> 0 OR t.is_tracked_by_cdc = 1"
    " OR t.is_filetable = 1 OR t.is_published = 1 OR t.is_schema_published = 1 OR t.is_merge_published = 1"
    " OR t.is_replicated = 1)"
)
PARTITIONED: LiteralString = (
    "SELECT DISTINCT t.name, N'it is partitioned' FROM sys.tables AS t"
    " JOIN sys.partitions AS p ON p.object_id = t.object_id AND p.partition_number > 1" + _OF
)
TRACKED: LiteralString = (
    "SELECT t.name, N'change tracking is on for it' FROM sys.tables AS t"
    " JOIN sys.change_tracking_tables AS w ON w.object_id = t.object_id" + _OF
)
FULLTEXT: LiteralString = (
    "SELECT t.name, N'it has a full-text index' FROM sys.tables AS t"
    " JOIN sys.fulltext_indexes AS f ON f.object_id = t.object_id" + _OF
)
CLASSIFIED: LiteralString = (
    "SELECT DISTINCT t.name, N'columns of it have a sensitivity classification' FROM sys.tables AS t"
    " JOIN sys.sensitivity_classifications AS w ON w.class = 1 AND w.major_id = t.object_id" + _OF
)
AUDITED: LiteralString = (
    "SELECT DISTINCT t.name, N'an audit specification watches it' FROM sys.tables AS t"
    " JOIN sys.database_audit_specification_details AS w ON w.class = 1 AND w.major_id = t.object_id" + _OF
)

# The catalogue view that not every server has -> the question that needs it.
OPTIONAL: dict[str, LiteralString] = {
    "sys.masked_columns": MASKS,
    "sys.security_predicates": PREDICATES,
    "sys.stats_columns": STATISTICS,
    "sys.sql_expression_dependencies": DEPENDANTS,
    "sys.change_tracking_tables": TRACKED,
    "sys.fulltext_indexes": FULLTEXT,
    "sys.sensitivity_classifications": CLASSIFIED,
    "sys.database_audit_specification_details": AUDITED,
}
ALWAYS: tuple[LiteralString, ...] = (
    *(TABLES, COLUMNS, INDEXES, CHECKS, DEFAULTS, FOREIGN_KEYS, TRIGGERS, GRANTS, PROPERTIES, TIED, PARTITIONED),
)

_READERS: LiteralString = (
    "SELECT vs.name, v.name, bs.name, b.name FROM sys.sql_expression_dependencies AS d"
    " JOIN sys.views AS v ON v.object_id = d.referencing_id JOIN sys.schemas AS vs ON vs.schema_id = v.schema_id"
    " JOIN sys.views AS b ON b.object_id = d.referenced_id JOIN sys.schemas AS bs ON bs.schema_id = b.schema_id"
    " ORDER BY 1, 2, 3, 4"
)

_REFERENCED: LiteralString = (
    "SELECT DISTINCT e.referenced_minor_name FROM sys.dm_sql_referenced_entities({module}, N'OBJECT') AS e"
    " WHERE e.referenced_id = OBJECT_ID({table}) AND e.referenced_minor_name IN ({columns}) AND NOT EXISTS"
    " (SELECT 1 FROM sys.dm_sql_referenced_entities({module}, N'OBJECT') AS a"
    " WHERE a.referenced_id = e.referenced_id AND a.referenced_minor_id = 0 AND a.is_select_all = 1) ORDER BY 1"
)


def asked(question: LiteralString, schema: str, names: Iterable[str]) -> Composable:
    """One of the questions above about tables of a schema."""
    return SQL(question).format(schema=Text(schema), names=texts(names))


def views_on_views() -> Composable:
    """(schema, view, schema, view that it reads) of the whole database."""
    return SQL(_READERS)


def columns_read(module: str, table: str, columns: Iterable[str]) -> Composable:
    """Those of `columns` of a table that a module's text names. `module` and `table` are bracketed paths."""
    return SQL(_REFERENCED).format(module=Text(module), table=Text(table), columns=texts(columns))


def can_be_read(view: str) -> Composable:
    """Whether a view of this bracketed path works as things are: nothing is locked, nothing runs."""
    asked = SQL("SELECT * FROM {}").format(Composable(view)).text
    return SQL(
        "SELECT COUNT(*) AS unreadable FROM sys.dm_exec_describe_first_result_set({}, NULL, 0)"
        " WHERE error_number IS NOT NULL"
    ).format(Text(asked))


def which_views(names: Iterable[str]) -> Composable:
    """Those of the catalogue views that this server has and lets this login read."""
    asking = [
        SQL("SELECT {name} AS name WHERE OBJECT_ID({name}) IS NOT NULL AND {may}").format(name=Text(n), may=may_read(n))
        for n in names
    ]
    return SQL(" UNION ALL ").join(asking)


def may_read(view: str) -> Composable:
    """Whether this login may read a catalogue view, as a condition."""
    return SQL("HAS_PERMS_BY_NAME({}, N'OBJECT', N'SELECT') = 1").format(Text(view))
