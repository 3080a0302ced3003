"""The transaction of a swap as values: what is sent before the locks, which locks, what is sent under them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator

from boardlift.destinations.catalogue import Slot, SwapPlan
from boardlift.destinations.postgres import carry, indexes, verify
from boardlift.destinations.postgres import rebind as rebinding
from boardlift.destinations.postgres import refill as refilling
from boardlift.destinations.postgres.book import record_statements
from boardlift.destinations.postgres.contents import fingerprint
from boardlift.destinations.postgres.inspect import Ask
from boardlift.destinations.postgres.obstacles import counts
from boardlift.destinations.postgres.prepared import Arrival, Prepared
from boardlift.destinations.postgres.rebind import Move
from boardlift.destinations.postgres.session import OUR_PATH, PEOPLES_PATH
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot, spelled
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Index


def body_name(hidden_name: str) -> str:
    """The hidden name of a copy that is about to go live."""
    return f"body_{hashlib.sha256(hidden_name.encode()).hexdigest()[:24]}"


# -- before the locks


def widening(prepared: Prepared) -> Iterator[list[Composable]]:
    """For each refilled table that needs it, the statements that make room in it."""
    for place, refill in prepared.refills.items():
        staged = prepared.shapes[place]
        assert staged is not None
        made = _arrival(prepared, place).before
        if statements := refilling.widening(refill, prepared.before, staged, made):
            yield statements


def opening(plan: SwapPlan, prepared: Prepared, hidden: str) -> list[Composable]:
    """Open the transaction, bring the incoming relations into their schemas under names of their own, write it down."""
    statements: list[Composable] = [SQL("BEGIN"), SQL("SET LOCAL lock_timeout = '5s'")]
    views = set(prepared.views)
    staged = [move for place, move in prepared.moves.items() if place not in views]
    if staged:
        bodies = COMMA.join(Identifier(hidden, move.incoming) for move in staged)
        statements.append(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(bodies))
    # Of a generation that was filled in place there are two copies; the live one is kept.
    statements += [
        SQL("DROP TABLE IF EXISTS {}").format(Identifier(hidden, slot.hidden_name)) for slot in _leaving(prepared)
    ]
    statements += [
        SQL("ALTER TABLE {} SET SCHEMA {}").format(Identifier(hidden, move.incoming), Identifier(move.place[0]))
        for move in prepared.moves.values()
    ]
    return statements + record_statements(hidden, plan, prepared.made)


def foreign_keys(prepared: Prepared) -> list[tuple[Entry, list[Composable]]]:
    """Foreign keys on and to the incoming tables, with what each is made by."""
    return rebinding.foreign_statements(prepared.before, _tables(prepared))


def refills(prepared: Prepared) -> Iterator[Composable]:
    """The statements that make the rows of refilled tables the staged ones, and the indexes that they lack."""
    for place, refill in prepared.refills.items():
        # People's triggers fire.
        yield from [PEOPLES_PATH, *refilling.statements(refill), OUR_PATH]
        for name, index in prepared.wanted.get(place, ()):
            columns = tuple(refill.columns[column] for column in index.columns)
            yield indexes.make(name, Index(columns, index.unique), place)


def astray(prepared: Prepared, ask: Ask) -> list[str]:
    """Refilled tables with triggers whose rows are not those of their source."""
    found = []
    for place, refill in prepared.refills.items():
        if any(prepared.before.of("trigger", place)):
            live = fingerprint(ask, SQL("ONLY ") + Identifier(*place), refill.columns.values())
            if live != fingerprint(ask, Identifier(*refill.source), refill.columns):
                found.append(spelled(place))
    return found


# -- the locks


def locks(prepared: Prepared) -> Composable | None:
    """One statement that takes every lock, so that one budget covers them all; None when none is needed.

    Views come first, as they do for those who query them. LOCK TABLE on a view would lock all that it reads; an ALTER
    that changes nothing locks the view alone.
    """
    views, tables = _locked(prepared)
    statements = []
    for place in views:
        relation = prepared.before.relation(place)
        assert relation is not None
        owner = Identifier(relation.detail["owner"])
        statements.append(SQL("ALTER TABLE {} OWNER TO {}").format(Identifier(*place), owner))
    if tables:
        # A foreign key of a partitioned table is one of each of its partitions.
        whole = {key.place for key in prepared.before.of("foreign") if key.detail["partitioned"]}
        names = COMMA.join((SQL("") if place in whole else SQL("ONLY ")) + Identifier(*place) for place in tables)
        statements.append(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
    if not statements:
        return None
    return SQL("DO {}").format(Literal(f"BEGIN {'; '.join(statement.text for statement in statements)}; END"))


def held(prepared: Prepared) -> list[Place]:
    """The relations whose holders can be in the way."""
    views, tables = _locked(prepared)
    return sorted({*views, *tables, *prepared.refills})


def _locked(prepared: Prepared) -> tuple[list[Place], list[Place]]:
    before, replaced = prepared.before, prepared.replaced
    tables = replaced - set(prepared.views) | {(schema, name) for schema, name in _departing(prepared)}
    tables |= {place for place in prepared.refills if _needs_lock(prepared, place)}
    views = set(prepared.views)
    for entry in rebinding.dependants(before, replaced):
        if entry.kind == "view":
            views.add(entry.place)
        elif entry.kind != "function":
            relation = before.relation(entry.place)
            is_view = relation is not None and relation.detail["kind"] in {"v", "m"}
            (views if is_view else tables).add(entry.place)
    for key in before.of("foreign"):
        target = (str(key.detail["target"][0]), str(key.detail["target"][1]))
        if target in replaced:
            tables.add(key.place)
        elif key.place in replaced and key.detail["lockable"]:
            tables.add(target)
    return sorted(views), sorted(tables)


def unchanged(prepared: Prepared, now: Snapshot) -> bool:
    """Whether the catalogue under the locks is what was prepared for; columns of a refilled table may be wider."""

    def settled(snapshot: Snapshot) -> list[Entry]:
        loose = {"column", "not_null"}
        return [e for e in snapshot.entries if not (e.place in prepared.refills and e.kind in loose)]

    known = {entry.key for entry in prepared.before.entries}
    made = {("index", place, name) for place, wanted in prepared.wanted.items() for name, _ in wanted}
    ours = [e for e in settled(now) if e.key in known or not (e.key in made or rebinding.is_waiting(e))]
    return settled(prepared.before) == ours


# -- under the locks


def exchange(prepared: Prepared, hidden: str) -> list[Composable]:
    """Names and ties change hands."""
    before, moves = prepared.before, prepared.moves
    existing = {place: move for place, move in moves.items() if before.relation(place)}
    statements = rebinding.detach(
        before, {place: move for place, move in existing.items() if place not in prepared.views}
    )
    for place, succession in prepared.successions.items():
        statements += indexes.retire(place[0], succession.handovers)
    statements += rebinding.drop_statistics(before, prepared.views)
    for place in prepared.views:
        statements.append(_rename(place, _old_name(moves[place])))
    for slot in _leaving(prepared):
        place = _at(prepared, slot)
        statements.append(_rename(place, slot.hidden_name))
        left = Identifier(place[0], slot.hidden_name)
        statements.append(SQL("ALTER TABLE {} SET SCHEMA {}").format(left, Identifier(hidden)))
    statements += [_rename(move.waiting, place[1]) for place, move in moves.items()]
    for place, succession in prepared.successions.items():
        statements += indexes.succeed(place[0], succession.handovers)
    for place, refill in prepared.refills.items():
        statements += _finish(prepared, place, refill)
    tables = {place: move for place, move in existing.items() if place not in prepared.views}
    statements += rebinding.attach(before, tables, prepared.left_out, hidden)
    for place in prepared.views:
        statements += rebinding.settle_statistics(before, moves[place], prepared.left_out, hidden)
    statements += rebinding.rebind(before, prepared.replaced)
    for place in reversed(prepared.views):
        old = Identifier(place[0], _old_name(moves[place]))
        statements.append(SQL("DROP MATERIALIZED VIEW {}").format(old))
    return statements


def calm(prepared: Prepared, now: Snapshot) -> set[Place]:
    """The relations of which all must be said after the swap what is said now, before it."""
    before, current = prepared.before.apart(), now.apart()
    quiet = {place for place, said in current.items() if before.get(place) == said}
    return quiet - {place for place, _ in _differences(prepared, now, quiet)}


def differences(prepared: Prepared, after: Snapshot, changed: Collection[Place]) -> list[str]:
    """What would be other than it was, and is not meant to be, on relations that have changed.

    `after` is what is said of those; all else is as it was.
    """
    return sorted(said for _, said in _differences(prepared, after, changed))


def _differences(prepared: Prepared, after: Snapshot, on: Collection[Place]) -> list[tuple[Place, str]]:
    made = {(place, handover.name) for place, found in prepared.successions.items() for handover in found.handovers} | {
        (place, name) for place, wanted in prepared.wanted.items() for name, _ in wanted
    }
    # A kept generation brings back those of its own time.
    made |= {(place, entry.name) for place, shape in prepared.shapes.items() if shape for entry in shape.of("index")}
    # PostgreSQL writes the new columns of the same table into an alias list by itself.
    loose = {e.key for e in prepared.before.entries if any(counts(e, place) for place in prepared.refills)}
    places = set(on)
    before = Snapshot(tuple(entry for entry in prepared.before.entries if entry.place in places))
    then = Snapshot(tuple(entry for entry in after.entries if entry.place in places))
    shapes = {place: shape for place, shape in prepared.shapes.items() if place in places}
    return verify.differences(before, then, shapes, prepared.comments, prepared.left_out, made, loose)


def _finish(prepared: Prepared, place: Place, refill: refilling.Refill) -> list[Composable]:
    staged = prepared.shapes[place]
    assert staged is not None
    dropped = sorted(prepared.dropped.get(place, ()))
    statements = [SQL("DROP INDEX {}").format(Identifier(place[0], name)) for name in dropped]
    statements += refilling.narrowing(refill, prepared.before, staged)
    renewed = set(refill.renamed.values())
    comments = prepared.comments.get(place, {})
    return statements + carry.renewing(prepared.before, place, staged, refill.source, comments, renewed)


def _needs_lock(prepared: Prepared, place: Place) -> bool:
    refill, staged = prepared.refills[place], prepared.shapes[place]
    assert staged is not None
    return bool(prepared.dropped.get(place) or refilling.narrowing(refill, prepared.before, staged))


def _tables(prepared: Prepared) -> dict[Place, Move]:
    return {place: move for place, move in prepared.moves.items() if place not in prepared.views}


def _departing(prepared: Prepared) -> list[Place]:
    return [_at(prepared, slot) for slot in _leaving(prepared)]


def _leaving(prepared: Prepared) -> list[Slot]:
    """Live tables that are there and go to the hidden schema."""
    return [
        slot
        for slot in prepared.departures
        if _at(prepared, slot) not in prepared.refills and prepared.before.relation(_at(prepared, slot))
    ]


def _at(prepared: Prepared, slot: Slot) -> Place:
    return prepared.schema, slot.name


def _arrival(prepared: Prepared, place: Place) -> Arrival:
    return next(arrival for arrival in prepared.arrivals if arrival.slot.name == place[1])


def _old_name(move: Move) -> str:
    return carry.generation_name("old", move.incoming, move.place[1])


def _rename(place: Place, to: str) -> Composable:
    return SQL("ALTER TABLE {} RENAME TO {}").format(Identifier(*place), Identifier(to))
