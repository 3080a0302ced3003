"""A materialized view on a live table gets a successor: filled beside it, over the staged table, before any lock.

PostgreSQL can neither replace nor bind it again. Its text is written out with the live schemas on the path, so that
live relations appear without their schema, and read again with the hidden schema before them, where for the length of
one transaction the staged tables carry the live names. No text is edited. A swap thus refreshes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from boardlift.destinations.postgres.inspect import Ask, array
from boardlift.destinations.postgres.snapshot import Place, spelled
from boardlift.errors import UNCHANGED, DependentObject
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

Run = Callable[[Composable], object]


def successor_name(place: Place, over: Mapping[Place, str]) -> str:
    """The hidden name of the successor of the materialized view at `place`, told apart by what it is made over."""
    text = f"{place} {sorted(over.values())}"
    return f"mv_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def create(ask: Ask, run: Run, place: Place, over: Mapping[Place, str], hidden: str) -> str:
    """Make the successor, empty, in the hidden schema. `over`: replaced relation -> name of its staged successor.

    Leaves the transaction that it opens committed. Raises DependentObject when its text could not be led to the staged
    tables, psycopg.Error for what PostgreSQL refuses.
    """
    name = successor_name(place, over)
    target = Identifier(hidden, name)
    schemas = list(dict.fromkeys(schema for schema, _ in over))
    path = COMMA.join(Identifier(schema) for schema in schemas)
    run(SQL("BEGIN"))
    run(SQL("SET LOCAL lock_timeout = '5s'"))
    run(SQL("DROP MATERIALIZED VIEW IF EXISTS {}").format(target))
    run(SQL("SET LOCAL search_path = {}").format(path))
    ((text,),) = ask(SQL("SELECT pg_get_viewdef({}::regclass)").format(Literal(Identifier(*place).text)))
    run(SQL("SET LOCAL search_path = pg_catalog"))
    aside = _make_room(ask, run, place, schemas, hidden)
    for (_, live), staged in over.items():
        run(_rename(hidden, staged, live))
    run(SQL("SET LOCAL search_path = {}, {}").format(Identifier(hidden), path))
    definition = Composable(str(text).rstrip().rstrip(";"))
    run(SQL("CREATE MATERIALIZED VIEW {} AS {} WITH NO DATA").format(target, definition))
    run(SQL("SET LOCAL search_path = pg_catalog"))
    for (_, live), staged in over.items():
        run(_rename(hidden, live, staged))
    for was, meanwhile in aside.items():
        run(_rename(hidden, meanwhile, was))
    if astray := ask(_ASTRAY.format(Literal(target.text), _places(over))):
        raise DependentObject(
            f"The materialized view {spelled(place)} could not be made over the new {astray[0][0]}, for its text hides"
            f" the name. {UNCHANGED}",
            hint="drop it and make it again after the swap, or use `replace: in_place` for this board",
        )
    run(SQL("COMMIT"))
    return name


_ASTRAY = SQL(
    "SELECT DISTINCT c.relname FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass"
    " AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass JOIN pg_class c ON c.oid = d.refobjid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE w.ev_class = {}::regclass AND format('%I.%I', n.nspname, c.relname) = ANY({})"
)


def _places(over: Mapping[Place, str]) -> Composable:
    pieces = (SQL("format('%I.%I', {}, {})").format(Literal(schema), Literal(name)) for schema, name in over)
    return SQL("ARRAY[{}]").format(COMMA.join(pieces))


# Whatever the text names without its schema would be found in the hidden one first.
_TAKEN = SQL(
    "SELECT DISTINCT h.relname FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass"
    " AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass JOIN pg_class c ON c.oid = d.refobjid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY({}) JOIN pg_class h ON h.relname = c.relname"
    " AND h.relkind NOT IN ('i', 'I') JOIN pg_namespace m ON m.oid = h.relnamespace AND m.nspname = {}"
    " WHERE w.ev_class = {}::regclass"
)


def _make_room(ask: Ask, run: Run, place: Place, schemas: list[str], hidden: str) -> dict[str, str]:
    """Relations of the hidden schema with a name that the view reads stand aside until the transaction ends."""
    taken = ask(_TAKEN.format(array(schemas), Literal(hidden), Literal(Identifier(*place).text)))
    aside = {str(name): f"as_{hashlib.sha256(str(name).encode()).hexdigest()[:24]}" for (name,) in taken}
    for was, meanwhile in aside.items():
        run(_rename(hidden, was, meanwhile))
    return aside


def _rename(schema: str, name: str, to: str) -> Composable:
    return SQL("ALTER TABLE {} RENAME TO {}").format(Identifier(schema, name), Identifier(to))
