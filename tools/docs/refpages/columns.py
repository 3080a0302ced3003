"""docs/reference/column-types.md: every monday column type, and what it becomes."""

from __future__ import annotations

from importlib import import_module

from boardlift.destinations.registry import ENGINES
from boardlift.monday.model import BoardColumn
from boardlift.normalize.columns import UNKNOWN, registered
from boardlift.normalize.columns.family import Family
from boardlift.normalize.columns.registry import FORMER_TYPES
from boardlift.shape.types import Kind, SqlType
from refpages.markdown import capital, code, page, table

INTRODUCTION = """\
What each column type of monday.com becomes. The first SQL column has the name made from the column's title; the others
append a suffix to it: a status called "Priority" gives `priority` and `priority_index`. An empty cell is NULL.

A *link table* has one row for each member of a cell, under `item_id` and `ordinal` (from 1, in monday's order). It is
called after the board's table and the column: `planning__owner`. [Tables](tables.md) lists the tables beside a board's
own; [types](../explanation/types.md) explains the choices; [override a column](../how-to/override-a-column.md) changes
them. "Parts" are what `field:` takes in boardlift.yaml besides `text` and `value`."""


def example(column_type: str) -> BoardColumn:
    """A column with the settings its links depend on."""
    settings: dict[str, object] = {"relation_column": {"connect": True}} if column_type == "mirror" else {}
    return BoardColumn(id="column", title="Column", type=column_type, settings=settings)


def render() -> str:
    families = registered()
    return page(
        "Column types",
        INTRODUCTION,
        table(("type", "SQL columns", "link table"), (_summary(name, family) for name, family in families.items())),
        *(_section(name, family) for name, family in families.items()),
        _section("any other type", UNKNOWN),
        "## Former type names\n\nBefore API version 2023-10 some types had other names, which recordings, webhooks and "
        "activity logs still hold. They are read as today's; hyphens count as underscores.\n\n"
        + table(("former", "today"), ((code(former), code(now)) for former, now in sorted(FORMER_TYPES.items()))),
        "## SQL types\n\n" + type_table(),
    )


def type_table() -> str:
    """Our types in the words of each engine."""
    modules = dict.fromkeys(engine.where.partition(":")[0] for engine in ENGINES.values())
    names = [import_module(module).CAPABILITIES.engine for module in modules]
    spell = [import_module(f"{module.removesuffix('.engine')}.ddl").column_type for module in modules]
    types = [SqlType(kind, 38, 10) if kind is Kind.DECIMAL else SqlType(kind) for kind in Kind]
    rows = ((code(each), *(code(column_type(each)) for column_type in spell)) for each in types)
    return table(("type", *names), rows)


def _summary(name: str, family: Family) -> tuple[str, str, str]:
    column = example(name)
    parts = [f"{code('_' + f.suffix) + ' ' if f.suffix else ''}{f.type}" for f in family.facets(column)]
    found = family.links(column)
    links = ", ".join(code(link.name) for link in found.columns) if found else ""
    return (f"[{code(name)}](#{name})", ", ".join(parts) or "none", links)


def _section(name: str, family: Family) -> str:
    column = example(name)
    lines = [f"## {name}", family.note]
    if family.value_types:
        lines.append(f"Value type: {', '.join(code(each) for each in family.value_types)}.")
    facets = family.facets(column)
    if family.readable:
        lines.append(f"Refreshed by [incremental runs](../explanation/incremental.md): {family.refresh.value}.")
    if facets:
        rows = (
            (code(f"<name>_{facet.suffix}" if facet.suffix else "<name>"), code(facet.type), capital(facet.meaning))
            for facet in facets
        )
        lines.append(table(("SQL column", "type", "holds"), rows))
    if parts := [code(facet.suffix) for facet in facets if facet.suffix]:
        lines.append(f"Parts: {', '.join(parts)}.")
    if found := family.links(column):
        through = " (of the connect column it looks through)" if found.through else ""
        link_rows = [(code(link.name), code(link.type)) for link in found.columns]
        lines.append(f"Link table{through}:\n\n" + table(("column", "type"), link_rows))
    if family.labels(_LABELLED):
        lines.append("Its labels are rows of the board's [labels table](tables.md#labels).")
    return "\n\n".join(lines)


_LABELLED: dict[str, object] = {"labels": {"1": "Done"}}
