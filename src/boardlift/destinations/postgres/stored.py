"""What is kept in the two namespaces of a PostgreSQL database: how large it is, and how all of it goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from boardlift.destinations.catalogue import CATALOGUE
from boardlift.destinations.interface import Generation, State
from boardlift.destinations.postgres.inspect import Ask, Rows, array
from boardlift.errors import UNCHANGED, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table

# Materialized views first: they stand on tables.
_RELATIONS = SQL(
    "SELECT n.nspname, c.relname, c.relkind::text, pg_total_relation_size(c.oid)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname IN ({}, {}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    " AND d.deptype IN ('a', 'i') AND c.relkind = 'S') ORDER BY c.relkind = 'm' DESC, 1, 2"
)


# A table has a row type of its name, so that no other type may have it; arrays make way by themselves.
_TAKEN = SQL(
    "SELECT c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = {namespace} AND c.relname = ANY({names}) UNION ALL"
    " SELECT t.typname, 'type' FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
    " WHERE n.nspname = {namespace} AND t.typname = ANY({names}) AND t.typrelid = 0 AND t.typcategory <> 'A' ORDER BY 1"
)


def taken(ask: Ask, namespace: str, names: Iterable[str]) -> Rows:
    """Names of a schema, of these, that a relation or a type has: name and kind."""
    return ask(_TAKEN.format(namespace=Literal(namespace), names=array(names)))


def relations(ask: Ask, live: str, hidden: str) -> Rows:
    """Schema, name, kind and bytes of all relations of both namespaces."""
    return ask(_RELATIONS.format(Literal(live), Literal(hidden)))


def sizes(found: Rows, live: str, hidden: str, known: Iterable[Generation]) -> dict[tuple[str, int], int]:
    """Bytes of each stored generation; of one that is held in place, its copy counts, too."""
    bytes_ = {(str(schema), str(name)): int(str(size)) for schema, name, _, size in found}
    result = {}
    for generation in known:
        places = [(hidden, table.hidden_name) for table in generation.tables]
        if generation.state is State.LIVE:
            places += [(live, table.name) for table in generation.tables]
        result[generation.group, generation.number] = sum(bytes_.get(place, 0) for place in places)
    return result


def strays(found: Rows, hidden: str, known: Iterable[Generation]) -> list[tuple[str, Composable]]:
    """Names in the hidden schema that the catalogue does not know, each with the statement that drops it."""
    kept = {table.hidden_name for generation in known for table in generation.tables} | {CATALOGUE}
    dropped = {"r": SQL("DROP TABLE {}"), "p": SQL("DROP TABLE {}"), "m": SQL("DROP MATERIALIZED VIEW {} CASCADE")}
    return [
        (str(name), dropped[str(kind)].format(Identifier(hidden, str(name))))
        for schema, name, kind, _ in found
        if schema == hidden and name not in kept and kind in dropped
    ]


def schemas(ask: Ask, names: Sequence[str]) -> list[str]:
    """Those of these schemas that are there and that we may drop; an administrator's stay."""
    statement = SQL("SELECT nspname FROM pg_namespace WHERE nspname = ANY({}) AND pg_has_role(nspowner, 'USAGE')")
    return [str(name) for (name,) in ask(statement.format(array(names)))]


def discarding(found: Rows, live: str, hidden: str, ours: Iterable[str], mine: Sequence[str]) -> list[Composable]:
    """The statements that drop both namespaces. Raises PromotionConflict when the live one holds something foreign."""
    known = set(ours)
    foreign = [str(name) for schema, name, kind, _ in found if schema == live and not (name in known and kind == "r")]
    if foreign:
        raise PromotionConflict(
            f"{live} holds what boardlift did not put there and is not dropped: {', '.join(foreign)}. {UNCHANGED}",
            hint="move or drop it, then run the same command again",
        )
    there = {str(name) for schema, name, _, _ in found if schema == live}
    statements = [SQL("DROP TABLE {}").format(Identifier(live, name)) for name in sorted(there)]
    for schema, name, kind, _ in found:
        if schema == hidden and kind in {"r", "p", "m"}:
            what = SQL("DROP MATERIALIZED VIEW IF EXISTS {} CASCADE") if kind == "m" else SQL("DROP TABLE {}")
            statements.append(what.format(Identifier(hidden, str(name))))
    return statements + [SQL("DROP SCHEMA {}").format(Identifier(schema)) for schema in mine]


def tied(ask: Ask, live: str) -> list[tuple[str, str]]:
    """Live tables with a foreign key between them: one must hold whenever a transaction ends."""
    statement = SQL(
        "SELECT DISTINCT o.relname, f.relname FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid"
        " JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace n ON n.oid = o.relnamespace"
        " AND n.oid = f.relnamespace WHERE k.contype = 'f' AND o.oid <> f.oid AND n.nspname = {}"
    )
    return [(str(one), str(other)) for one, other in ask(statement.format(Literal(live)))]


def access(ask: Ask, schemas: Iterable[str]) -> tuple[str, bool]:
    """The version of the server, and whether tables can be made in these schemas, which may not be there yet."""
    names = list(schemas)
    ((version, may_create, ready),) = ask(
        SQL(
            "SELECT current_setting('server_version'),"
            " has_database_privilege(current_database(), 'CREATE'), count(*) FILTER"
            " (WHERE has_schema_privilege(n.oid, 'CREATE')) FROM pg_namespace n WHERE n.nspname = ANY({})"
        ).format(array(names))
    )
    return str(version), bool(may_create) or ready == len(names)


def copy_statement(target: Composable, source: Composable, table: Table, without: Collection[int]) -> Composable:
    """All rows of a table into another with the columns of `table`, but for those whose `item_id` is in `without`."""
    names = COMMA.join(Identifier(column.name) for column in table.columns)
    statement = SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS s").format(target, names, names, source)
    if not without:
        return statement
    ids = Literal("{" + ",".join(str(int(each)) for each in without) + "}")
    # An anti-join by hash, however many there are, which older servers do not make of `<> ALL`.
    return statement + SQL(
        " WHERE NOT EXISTS (SELECT FROM unnest(CAST({} AS bigint[])) AS w(id) WHERE w.id = s.item_id)"
    ).format(ids)
