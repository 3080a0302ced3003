"""`boardlift boards`: what the token can read, and how it will look in SQL."""

from __future__ import annotations

from typing import Annotated

import typer

from boardlift.cli.options import AsJson, Config, Debug, open_app, read_settings
from boardlift.cli.output import emit, say, show
from boardlift.monday.boards import list_boards, read_boards
from boardlift.normalize.boards import BoardPlan, plan_board
from boardlift.normalize.names import TableNames
from boardlift.settings import BoardSettings
from boardlift.words import count

app = typer.Typer(help="List the boards the token can read, and show their columns.", rich_markup_mode=None)

BOARD_COLUMNS = ("id", "name", "type", "items", "workspace", "table")
COLUMN_COLUMNS = ("column_id", "title", "type", "column", "sql_type", "part")


@app.callback(invoke_without_command=True)
def listed(context: typer.Context, config: Config = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List the boards the token can read.

    Example: boardlift boards
    """
    if context.invoked_subcommand is not None:
        return
    with open_app(read_settings(config)) as parts:
        boards = list_boards(parts.client)
        tables = parts.ledger.bound_tables()
    rows = [
        {
            "id": board.id,
            "name": board.name,
            "type": board.type,
            "items": board.items_count,
            "workspace": board.workspace_name or "Main workspace",
            "table": tables.get((board.id, "", "")),
        }
        for board in boards
    ]
    if as_json:
        emit({"boards": rows})
        return
    show("", rows, BOARD_COLUMNS, right=("items",))
    say(f"{count(len(rows), 'board')}. `boardlift boards show ID` lists a board's columns.")


@app.command("show")
def shown(
    board: Annotated[str, typer.Argument(help="Board id.")],
    config: Config = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a board's columns with their SQL names and types.

    Example: boardlift boards show 8709134353
    """
    loaded = read_settings(config)
    with open_app(loaded) as parts:
        found = read_boards(parts.client, [board])[0]
        said = next((b for b in loaded.settings.boards if str(b.id) == board), BoardSettings())
        plan = plan_board(
            found,
            said,
            loaded.settings.defaults.types,
            parts.ledger.bound_columns(board),
            TableNames(parts.ledger.bound_tables()),
        )
    rows = _columns(plan)
    if as_json:
        emit({"board_id": plan.key, "name": plan.board.name, "table": plan.table, "columns": rows})
        return
    show(f"{plan.board.name} ({plan.key}) -> {plan.table}", rows, COLUMN_COLUMNS)


def _columns(plan: BoardPlan) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for column in plan.columns:
        head = {"column_id": column.source.id, "title": column.source.title, "type": column.source.type}
        rows += [
            {**head, "column": facet.column.name, "sql_type": str(facet.column.type), "part": facet.facet.meaning}
            for facet in column.facets
        ]
        if column.link_table is not None:
            names = ", ".join(each.name for each in column.link_table.columns)
            rows.append({**head, "column": column.link_table.name, "sql_type": "table", "part": names})
    for source in (*plan.excluded, *plan.unreadable):
        why = "excluded in boardlift.yaml" if source in plan.excluded else "the API does not give it"
        rows.append(
            {
                "column_id": source.id,
                "title": source.title,
                "type": source.type,
                "column": "",
                "sql_type": "",
                "part": why,
            }
        )
    return rows
