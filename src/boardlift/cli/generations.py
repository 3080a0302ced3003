"""`boardlift generations`: what is live, and what is kept to go back to."""

from __future__ import annotations

from boardlift.cli.options import AsJson, Boards, Config, Debug, Test, open_app, read_settings
from boardlift.cli.output import emit, show, size
from boardlift.destinations.interface import Generation

COLUMNS = ("board_id", "table", "generation", "state", "rows", "tables", "size", "promoted", "run")


def generations(
    boards: Boards = None, config: Config = None, test: Test = False, as_json: AsJson = False, debug: Debug = False
) -> None:
    """List stored generations, the live one and those kept for rollback, with the space each takes.

    Example: boardlift generations planning
    """
    with open_app(read_settings(config, token_required=False), test=test) as app:
        groups = app.groups(boards or [])
        found = [each for each in app.destination.generations() if each.group in groups]
        sizes = app.sizes()
    rows = [as_document(each, sizes[each.group, each.number]) for each in found]
    if as_json:
        emit({"generations": rows})
        return
    shown = [{**row, "size": size(sizes[each.group, each.number])} for row, each in zip(rows, found, strict=True)]
    show("", shown, COLUMNS, right=("generation", "rows", "tables", "size"))


def as_document(generation: Generation, taken: int) -> dict[str, object]:
    """A generation as plain values; `taken` are its bytes."""
    return {
        "board_id": generation.group,
        "table": generation.tables[0].name if generation.tables else "",
        "generation": generation.number,
        "state": generation.state.value,
        "rows": generation.rows,
        "tables": len(generation.tables),
        "bytes": taken,
        "promoted": generation.promoted_at,
        "run": generation.run_id,
    }
