"""A try on empty temporary tables of the new shape, in a transaction that is rolled back.

Whether a view, an index, a check or a policy bears a new shape is for PostgreSQL to say, not for us to guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import psycopg

from boardlift.destinations.postgres.change import IN_PLACE_HELPS, Change, Obstacle, gone
from boardlift.destinations.postgres.inspect import Ask
from boardlift.destinations.postgres.rebind import conditions, dependants, replaced_views
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot, describe, spelled
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

Run = Callable[[Composable], object]

_OUT = "change or drop it, keep the old shape, or make it again after the swap"
_GRANT = f"grant boardlift's role what is missing, {IN_PLACE_HELPS}"
_MAY = SQL(
    "SELECT has_database_privilege(current_database(), 'TEMP') AND NOT pg_is_in_recovery(), rolsuper"
    " FROM pg_roles WHERE rolname = current_user"
)
_DIFFERENCES = SQL(
    "SELECT coalesce(o.attname, n.attname), format_type(o.atttypid, o.atttypmod), format_type(n.atttypid, n.atttypmod)"
    " FROM (SELECT * FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped) o"
    " FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped) n"
    " USING (attnum) WHERE (o.attname, o.atttypid, o.atttypmod, o.attcollation) IS DISTINCT FROM"
    " (n.attname, n.atttypid, n.atttypmod, n.attcollation) ORDER BY attnum LIMIT 1"
)


def rehearse(
    ask: Ask, run: Run, before: Snapshot, changes: list[Change], shapes: Mapping[Place, Composable]
) -> list[Obstacle]:
    """Obstacles that only a try tells. `shapes` are what stands in the brackets of CREATE TABLE, by live table.

    Raises psycopg.Error when the connection is lost; leaves no transaction and no trace.
    """
    ((allowed, almighty),) = ask(_MAY)
    # What makes an object may lack a right that its maker had, a schema's for one.
    changed = [
        one
        for one in changes
        if one.columns is not None and before.relation(one.place) and (_changes(before, one) or not almighty)
    ]
    if not changed or not allowed:
        return []
    run(SQL("BEGIN"))
    try:
        return list(_try_all(ask, run, before, changed, shapes))
    finally:
        run(SQL("ROLLBACK"))


def _changes(before: Snapshot, change: Change) -> bool:
    columns = {name: column.detail["type"] for name, column in before.columns(change.place).items()}
    return list(columns.items()) != list((change.columns or {}).items())


def _try_all(
    ask: Ask, run: Run, before: Snapshot, changed: list[Change], shapes: Mapping[Place, Composable]
) -> Iterator[Obstacle]:
    tables = {change.place for change in changed}
    lost = {change.place: gone(before, change) for change in changed}
    views = [entry for entry in dependants(before, tables) if entry.kind == "view"]
    views += [entry for place in replaced_views(before, tables) for entry in before.of("view", place)]
    views = [view for view in views if view.used & tables and not any(view.uses(p) & lost[p] for p in tables)]
    # A text is written before the temporary tables are there, for it would name the live ones in full beside them.
    run(SQL("SET LOCAL search_path = {}").format(COMMA.join(Identifier(s) for s in {s for s, _ in tables})))
    texts = [ask(SQL("SELECT pg_get_viewdef({}::regclass)").format(_quoted(view.place)))[0][0] for view in views]
    for place in tables:
        run(SQL("CREATE TEMP TABLE {} ({})").format(Identifier(place[1]), shapes[place]))
    for number, (view, text) in enumerate(zip(views, texts, strict=True)):
        name = Identifier("pg_temp", f"boardlift_view_{number}")
        create = SQL("CREATE TEMP VIEW {} AS {}").format(name, Composable(str(text).rstrip().rstrip(";")))
        yield from _try(run, view, min(view.used & tables), [create], lambda n=name, v=view: _differs(ask, v, n))  # type: ignore[misc]
    run(SQL("SET LOCAL search_path = pg_catalog"))
    for place in tables:
        for entry in before.about(place):
            if entry.place == place and not entry.columns & lost[place]:
                yield from _try(run, entry, place, _on_temporary(entry, Identifier("pg_temp", place[1])))


def _try(
    run: Run, entry: Entry, place: Place, statements: list[Composable], look: Callable[[], str] = lambda: ""
) -> Iterator[Obstacle]:
    if not statements:
        return
    run(SQL("SAVEPOINT trial"))
    forbidden = False
    try:
        for statement in statements:
            run(statement)
        problem = look()
    except psycopg.DatabaseError as error:
        if error.sqlstate is None or error.sqlstate.startswith("57"):
            raise
        problem = str(error).strip().splitlines()[0]
        forbidden = isinstance(error, psycopg.errors.InsufficientPrivilege)
    run(SQL("ROLLBACK TO SAVEPOINT trial"))
    if forbidden:
        yield Obstacle(place, f"boardlift's role may not make {describe(entry)} again ({problem})", _GRANT)
    elif problem:
        yield Obstacle(place, f"{describe(entry)} cannot follow the new shape of {spelled(place)} ({problem})", _OUT)


def _differs(ask: Ask, view: Entry, trial: Composable) -> str:
    for name, old, new in ask(_DIFFERENCES.format(_quoted(view.place), Literal(trial.text))):
        return f"its column {name} would change from {old} to {new}"
    return ""


def _on_temporary(entry: Entry, table: Composable) -> list[Composable]:
    """The statements that make an object of a table again on a temporary one; none for what is not tried."""
    definition = entry.detail.get("definition")
    match entry.kind:
        case "check":
            return [SQL("ALTER TABLE {} ADD {}").format(table, Composable(str(definition)))]
        case "index" if entry.detail["primary"] or not entry.detail["valid"]:
            return []
        case "index" if entry.detail["constraint"]:
            return [SQL("ALTER TABLE {} ADD {}").format(table, Composable(str(definition)))]
        case "index":
            return [SQL("CREATE INDEX ON {} USING {}").format(table, Composable(str(definition)))]
        case "policy":
            return [SQL("CREATE POLICY {} ON {}").format(Identifier(entry.name), table) + conditions(entry)]
        case "column" if entry.detail["default"] is not None and not entry.detail["generated"]:
            default = Composable(entry.detail["default"])
            column = Identifier(entry.name)
            return [SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(table, column, default)]
    return []


def _quoted(place: Place) -> Composable:
    return Literal(Identifier(*place).text)
