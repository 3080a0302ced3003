"""Dynamic data masks for an incoming table: a column takes one only while nothing depends on it."""

from __future__ import annotations

from collections.abc import Iterable

from boardlift.destinations.mssql.objects import Live
from boardlift.destinations.mssql.sql import Name
from boardlift.shape.sql import SQL, Composable, Literal


def mask_statements(target: Composable, before: Live, staged: Live) -> list[Composable]:
    """What gives the staged table's columns the masks of `before`, and no others; empty when they have them.

    Keys, indexes, statistics and checks on these columns are dropped before and made again after.
    """
    wanted = {column.name: column.mask for column in before.columns}
    have = {column.name: column.mask for column in staged.columns if not column.computed}
    changed = {name: (mask, wanted[name]) for name, mask in have.items() if wanted.get(name, mask) != mask}
    indexes = [i for i in staged.indexes if i.columns & changed.keys() or _named(changed, i.filtered)]
    indexes.sort(key=lambda index: not index.primary)  # the other ones are made on the clustered one
    statistics = [z for z in staged.statistics if changed.keys() & set(z.columns) or _named(changed, z.filtered)]
    checks = [check for check in staged.checks if _named(changed, check.definition)]
    statements = [index.dropped(target) for index in reversed(indexes)]
    statements += [SQL("DROP STATISTICS {}.{}").format(target, Name(each.name)) for each in statistics]
    statements += [SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(target, Name(check.name)) for check in checks]
    for name, (now, new) in changed.items():
        column = SQL("ALTER TABLE {} ALTER COLUMN {}").format(target, Name(name))
        if now:
            statements.append(column + SQL(" DROP MASKED"))
        if new:
            statements.append(column + SQL(" ADD MASKED WITH (FUNCTION = {})").format(Literal(new)))
    statements += [statement for index in indexes for statement in index.remade(index.name, target)]
    statements += [statement for check in checks for statement in check.made(check.name, target)]
    return statements + [each.made(target) for each in statistics]


def _named(columns: Iterable[str], expression: str) -> bool:
    """Whether an expression, as SQL Server keeps it, is about one of the columns."""
    return any(Name(column).text in expression for column in columns)
