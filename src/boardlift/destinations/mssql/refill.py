"""`replace: in_place`: a live table keeps its identity, and is emptied and filled again in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from boardlift.destinations.mssql.ddl import INDEX_PREFIX, LABEL, key_name, part_property_statement
from boardlift.destinations.mssql.objects import ColumnFact, IndexFact, Live, Property
from boardlift.destinations.mssql.sql import Name, Text, batch
from boardlift.shape.sql import COMMA, SQL, Composable, Literal

_WITHOUT = Name("#boardlift_without")
_MANY_LONG_COLUMNS = 300  # whose pointers, of 24 bytes each, no longer fit into a row


def duplicate(schema: str, name: str, source: tuple[str, str], like: Live) -> list[list[Composable]]:
    """Batches that make a copy of a table: rows, key, boardlift's indexes and labels, and nothing of people's."""
    target = Name(schema, name)
    columns = [column for column in like.columns if not column.computed]
    made = SQL("CREATE TABLE {} ({})").format(
        target, COMMA.join(column.definition + _null(column.nullable) for column in columns)
    )
    first = [SQL("DROP TABLE IF EXISTS {}").format(target), made]
    if sum("(MAX)" in column.spelled for column in columns) > _MANY_LONG_COLUMNS:
        option = SQL("EXEC sys.sp_tableoption {}, 'large value types out of row', 1")
        first.append(option.format(Text(target.text)))
    last: list[Composable] = []
    if like.key:
        last.append(
            SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY CLUSTERED ({})").format(
                target, Name(key_name(name)), COMMA.join(Name(column) for column in like.key)
            )
        )
    last += [i.made(i.name, target) for i in like.indexes if i.name.startswith(INDEX_PREFIX)]
    last += [_label(schema, name, each) for each in like.properties if each.name == LABEL]
    return [first, [insert(target, Name(*source), columns)], *([last] if last else [])]


def reshape(target: Composable, now: Live, new: Live) -> list[Composable]:
    """What gives the emptied table the columns of the new one. Empty when it has them."""
    wanted = {column.name: column for column in new.columns}
    have = {column.name: column for column in now.columns if not column.computed}
    going = [name for name, column in have.items() if name not in wanted or wanted[name].spelled != column.spelled]
    coming = [column for column in new.columns if column.name not in have]
    statements = [index.dropped(target) for index in _in_the_way(now, new)]
    statements += [
        SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(target, Name(default.name))
        for default in now.defaults
        if default.column in going
    ]
    # A table has at least one column at any time.
    statements += _added(target, coming)
    if going:
        statements.append(SQL("ALTER TABLE {} DROP COLUMN {}").format(target, COMMA.join(Name(n) for n in going)))
        # Else they go on counting among the 8,060 bytes of a row, and some changes later no column fits any more.
        statements.append(SQL("ALTER TABLE {} REBUILD").format(target))
    statements += _added(target, [wanted[name] for name in going if name in wanted])
    return statements + [
        SQL("ALTER TABLE {} ALTER COLUMN {}{}").format(target, column.definition, _null(column.nullable))
        for name, column in wanted.items()
        if name in loosened_or_tightened(now, new)
    ]


def empty(target: Composable) -> Composable:
    return SQL("DELETE FROM {} WITH (TABLOCKX)").format(target)


def insert(target: Composable, source: Composable, columns: Sequence[ColumnFact], *, read: bool = False) -> Composable:
    """All rows of one table into another, and how many they were.

    A bulk load, which TABLOCK asks for, keeps even those readers of a heap waiting who see row versions: none into a
    table that is `read`.
    """
    names = COMMA.join(Name(column.name) for column in columns)
    how = SQL("") if read else SQL(" WITH (TABLOCK)")
    return SQL("INSERT INTO {}{} ({}) SELECT {} FROM {};\nSELECT ROWCOUNT_BIG() AS rows_added").format(
        target, how, names, names, source
    )


def insert_but_for(
    target: Composable, source: Composable, columns: Sequence[ColumnFact], without: Collection[int]
) -> Composable:
    """As `insert`, but rows whose `item_id` is in `without` stay behind. They wait in a temporary table meanwhile."""
    names = COMMA.join(Name(column.name) for column in columns)
    ids = sorted(set(without))
    # A list of values may hold a thousand rows.
    steps = [
        SQL("DROP TABLE IF EXISTS {}").format(_WITHOUT),
        SQL("CREATE TABLE {} ([item_id] BIGINT NOT NULL PRIMARY KEY)").format(_WITHOUT),
        *(
            SQL("INSERT INTO {} ([item_id]) VALUES {}").format(
                _WITHOUT, COMMA.join(SQL("({})").format(Literal(each)) for each in ids[start : start + 1000])
            )
            for start in range(0, len(ids), 1000)
        ),
        SQL(
            "INSERT INTO {} WITH (TABLOCK) ({}) SELECT {} FROM {} AS s"
            " WHERE NOT EXISTS (SELECT 1 FROM {} AS w WHERE w.[item_id] = s.[item_id])"
        ).format(target, names, names, source, _WITHOUT),
    ]
    return batch(steps) + SQL("\nSELECT ROWCOUNT_BIG() AS rows_added")


def redress(target: tuple[str, str], now: Live, new: Live, dropped: set[str]) -> list[Composable]:
    """boardlift's own indexes and labels, where the new table has others. `dropped` are columns that were made anew."""
    place = Name(*target)
    gone = {index.name for index in _in_the_way(now, new)}
    have = {i.name for i in now.indexes if i.name.startswith(INDEX_PREFIX)} - gone
    want = {i.name: i for i in new.indexes if i.name.startswith(INDEX_PREFIX)}
    statements = [SQL("DROP INDEX {} ON {}").format(Name(name), place) for name in sorted(have - want.keys())]
    statements += [index.made(name, place) for name, index in want.items() if name not in have]
    there = {(p.kind, p.part): p.value for p in now.properties if p.name == LABEL and p.part not in dropped}
    for each in new.properties:
        if each.name == LABEL and there.get((each.kind, each.part)) != each.value:
            statements.append(_label(*target, each, again=(each.kind, each.part) in there))
    return statements


def changed_columns(now: Live, new: Live) -> set[str]:
    """Columns that the refill drops, or drops and makes anew."""
    wanted = dict(new.shape)
    return {name for name, spelled in now.shape if wanted.get(name) != spelled}


def loosened_or_tightened(now: Live, new: Live) -> set[str]:
    """Columns that stay as they are, but for NULL, which they take only now or no longer."""
    have = {column.name: (column.spelled, column.nullable) for column in now.columns if not column.computed}
    return {c.name for c in new.columns if have.get(c.name) == (c.spelled, not c.nullable)}


def _in_the_way(now: Live, new: Live) -> list[IndexFact]:
    """boardlift's own indexes on columns that change, and those that are other ones in the new table."""
    changing = changed_columns(now, new) | loosened_or_tightened(now, new)
    shapes = {index.name: index.shape for index in new.indexes}
    return [
        index
        for index in now.indexes
        if index.name.startswith(INDEX_PREFIX)
        and (index.columns & changing or shapes.get(index.name, index.shape) != index.shape)
    ]


def _added(target: Composable, columns: Sequence[ColumnFact]) -> list[Composable]:
    if not columns:
        return []
    definitions = COMMA.join(column.definition + _null(column.nullable) for column in columns)
    return [SQL("ALTER TABLE {} ADD {}").format(target, definitions)]


def _null(nullable: bool) -> Composable:
    return SQL(" NULL") if nullable else SQL(" NOT NULL")


def _label(schema: str, name: str, each: Property, *, again: bool = False) -> Composable:
    kind = "" if each.kind == "TABLE" else each.kind
    return part_property_statement((schema, name), each.name, each.value, kind, each.part, again=again)
