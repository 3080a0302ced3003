"""docs/reference/tables.md, checks.md, destinations.md: what lies in a destination, what is checked, what it can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from boardlift.destinations.interface import Capabilities, hidden_name, hidden_namespace
from boardlift.destinations.registry import ENGINES
from boardlift.load.checks import CHECKS
from boardlift.normalize.boards import (
    BASE_COLUMNS,
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    PARENT_COLUMN,
    QUARANTINE_COLUMNS,
)
from boardlift.normalize.columns import registered
from boardlift.normalize.tombstones import TOMBSTONE_COLUMNS
from boardlift.shape.table import Column
from refpages.columns import example, type_table
from refpages.markdown import code, doc, page, table

MEANINGS = {
    "item_id": "monday's id of the item",
    "name": "the item's name",
    "group_id": "its group's id, unique within the board",
    "group_title": "its group's title",
    "created_at": "when the item was made",
    "updated_at": "when the item last changed",
    "creator_id": "who made it; negative for items that came with a template",
    "url": "its address in monday",
    "parent_item_id": "the item it is a subitem of",
    "column_id": "monday's id of the column",
    "column_name": "the SQL column",
    "label_id": "the label's number, as in `_index` of a status or `label_id` of a dropdown's link table",
    "label": "its text now",
    "position": "its place on screen",
    "color": "as monday gives it",
    "is_done": "whether the board counts it as done",
    "is_deactivated": "whether it can no longer be chosen",
    "title": "the group's title",
    "archived": "whether the group is archived",
    "value": "the text that did not fit",
    "state": "`deleted`, `archived`, `moved` to another board, or `absent`: monday does not show it",
    "noticed_at": "when a run found that it had gone",
    "last_updated_at": "when the item last changed, as far as monday tells",
    "reason": "why: `not a <type>`, or `rounded to fit <type>`",
}


def render_tables() -> str:
    linked = [(name, found) for name, family in registered().items() if (found := family.links(example(name)))]
    return page(
        "Tables",
        "A board becomes a group of tables that are staged, checked, made live and rolled back together. Names below "
        "are those of a board called Planning in the namespace `monday`; [names](../explanation/names.md) tells how "
        "they are made.",
        "## planning\n\nOne row for each active item, keyed by `item_id`. These columns come first, then those of the "
        "board's columns ([column types](column-types.md)). The table of a subitems board has `parent_item_id` too.\n\n"
        + _columns((*BASE_COLUMNS, PARENT_COLUMN)),
        "## Link tables\n\n`planning__<column>`: one row for each member of a cell that holds several, keyed by "
        "`item_id` and `ordinal` (from 1, in monday's order). Columns by the type of the board column:\n\n"
        + table(
            ("type", "columns besides `item_id` and `ordinal`"),
            ((code(name), ", ".join(f"{code(c.name)} {c.type}" for c in found.columns)) for name, found in linked),
        )
        + "\n\nA mirror has one only if its settings name the connect column it looks through.",
        "## Labels\n\n`planning__labels`: the labels of all status and dropdown columns of the board, keyed by "
        "`column_id` and `label_id`. Boards without such columns have no such table.\n\n" + _columns(LABEL_COLUMNS),
        "## Groups\n\n`planning__groups`: the groups of the board, keyed by `group_id`.\n\n" + _columns(GROUP_COLUMNS),
        "## Quarantine\n\n`planning__quarantine`: the values that did not fit the type of their column. The cell "
        "itself is NULL, or rounded. See [read the quarantine](../how-to/read-the-quarantine.md).\n\n"
        + _columns(QUARANTINE_COLUMNS),
        "## Deleted items\n\n`planning__deleted`, of boards with `mode: incremental`: a tombstone for each item that "
        "was on the board and is not any more, keyed by `item_id`. It is kept from generation to generation; an item "
        "that comes back leaves it. See [incremental](../explanation/incremental.md).\n\n"
        + _columns(TOMBSTONE_COLUMNS),
        f"## The hidden namespace\n\nBeside `monday` lies {code(hidden_namespace('monday'))}: staged tables, kept "
        f"generations ({code(hidden_name('planning', 12))}) and the catalogue {code('generations')}, one row for each "
        "table of each generation with its state `live` or `kept`. The catalogue is written in the same transaction as "
        "a swap, so it, and nothing else, says what is live. Readers need no rights there.",
    )


def _columns(columns: Iterable[Column]) -> str:
    rows = ((code(c.name), code(c.type), MEANINGS[c.name] + ("" if c.nullable else "; never NULL")) for c in columns)
    return table(("column", "type", "meaning"), rows)


LIVE_CHECKS = {
    "live": "A generation of the board is live.",
    "intact": "Each live table holds as many rows as when it was promoted.",
    "key_unique": "No two rows of the board's table share an `item_id`.",
    "fresh": "The board's table has as many rows as monday counts items now.",
    "shape": "The board has the columns the live generation was made with.",
}


def render_checks() -> str:
    return page(
        "Checks",
        "## The gate\n\nEvery `boardlift sync` runs these on the staged tables, before the swap. One that fails blocks "
        'the whole run: nothing is promoted, exit code 1. `--override NAME --reason "..."` lets its verdict not '
        "count for one run; the reason is kept with the run and shown by `boardlift runs RUN`.\n\n"
        + table(("check", "what it says"), ((code(name), doc(check)) for name, check in CHECKS.items())),
        "`count` compares with a range: monday's count before the board was read and its count afterwards, because "
        "people work while it is read. When the two differ, or the rows are not as many, it is found out who came, "
        "left or was lost meanwhile ([how](../explanation/reading.md#when-the-count-does-not-fit)), and the check "
        "passes if all of it is explained. `not_shrunken` allows a loss of `defaults.max_shrink`. Both volume checks "
        "speak of a board that has a live generation; the first sync of an empty board passes. `mass_delete` speaks of "
        "boards with `mode: incremental`, and lets `defaults.max_deletes` of the live rows vanish in one run, or 25.",
        "## boardlift check\n\nThese look at what is live already. They change nothing, and exit code 1 says that one "
        "differs.\n\n" + table(("check", "passes if"), ((code(name), text) for name, text in LIVE_CHECKS.items())),
    )


def capabilities() -> dict[str, Capabilities]:
    """What each engine can do, by the module it lives in; in the order of the registry."""
    modules = dict.fromkeys(engine.where.partition(":")[0] for engine in ENGINES.values())
    return {module: import_module(module).CAPABILITIES for module in modules}


def schemes(module: str) -> list[str]:
    """The beginnings of URLs that lead to a module."""
    return [f"{scheme}://" for scheme, engine in ENGINES.items() if engine.where.startswith(f"{module}:")]


HOW_TO = {"DuckDB": "duckdb", "PostgreSQL": "postgresql", "SQLite": "sqlite", "SQL Server": "sql-server"}
"""Pages on engines that are called otherwise; the others by their first scheme."""

INTRODUCTION = """\
What each engine can do, as the engine itself says it. [Replacing live tables](../explanation/replacing.md) explains the
two ways; `boardlift plan` tells of each table which way it will go. [Write a
destination](../how-to/write-a-destination.md) for another engine."""


def render_destinations() -> str:
    found = capabilities()
    engines = list(found.values())
    return page(
        "Destinations",
        INTRODUCTION,
        table(("engine", "URL begins with", "installed by"), (_opened(module, each) for module, each in found.items())),
        table(("", *(each.engine for each in engines)), _facts(engines)),
        "## How a generation goes live\n\n" + _sentences(engines, lambda each: each.swap),
        "## When the connection or the server dies in the middle\n\n" + _sentences(engines, lambda each: each.crash),
        "## In place\n\n`replace: in_place` empties and refills the live tables in one transaction.\n\n"
        + _sentences(engines, lambda each: each.in_place or "not offered."),
        "## What a swap keeps\n\n" + "\n\n".join(_list(each.engine, each.keeps) for each in engines),
        "## Limits\n\n" + "\n\n".join(_list(each.engine, each.limits) for each in engines),
        "## Types\n\n" + type_table(),
    )


def _opened(module: str, each: Capabilities) -> tuple[str, str, str]:
    extra = next(engine.extra for engine in ENGINES.values() if engine.where.startswith(f"{module}:"))
    name = HOW_TO.get(each.engine, schemes(module)[0].partition(":")[0])
    # A page is written with its engine; until then there is nothing to point at.
    linked = f"[{each.engine}](../how-to/{name}.md)" if (_HOW_TO_FOLDER / f"{name}.md").is_file() else each.engine
    install = f'pip install "boardlift[{extra}]"' if extra else "pip install boardlift"
    return linked, ", ".join(code(scheme) for scheme in schemes(module)), code(install)


_HOW_TO_FOLDER = Path(__file__).parents[3] / "docs" / "how-to"


def _sentences(engines: Sequence[Capabilities], said: Callable[[Capabilities], str]) -> str:
    return "\n".join(f"- **{each.engine}**: {said(each)}" for each in engines)


def _list(engine: str, lines: Sequence[str]) -> str:
    return f"{engine}:\n\n" + "\n".join(f"- {line}" for line in lines or ("nothing in particular",))


def _facts(engines: Sequence[Capabilities]) -> Iterator[tuple[str, ...]]:
    yes = {True: "yes", False: "no"}
    yield ("a swap is one transaction", *(yes[each.transactional_ddl] for each in engines))
    yield ("one commit for all boards of a run", *(yes[each.one_commit_for_many_boards] for each in engines))
    yield ("`replace: in_place`", *(yes[bool(each.in_place)] for each in engines))
    yield ("titles kept as comments", *(yes[each.column_comments] for each in engines))
    yield ("columns a table may have", *(f"{each.max_columns:,}" for each in engines))
    yield ("bytes a name may have", *(f"{each.max_identifier_bytes}" for each in engines))
