"""What boardlift's role must be allowed to do to what is built on live tables, and is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from boardlift.destinations.interface import Replace, hidden_namespace
from boardlift.destinations.postgres.change import IN_PLACE_HELPS, Change, Obstacle
from boardlift.destinations.postgres.rebind import dependants, replaced_views
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot, describe, spelled

_MEMBER = f"make boardlift's role a member of its owner, {IN_PLACE_HELPS}"


def missing(before: Snapshot, changes: Iterable[Change]) -> Iterator[Obstacle]:
    """Rights that the swap of these tables needs and boardlift's role has not, with the statement that gives them."""
    swapped = set()
    for change in changes:
        if change.columns is None:
            continue
        yield from _ownership(before, change)
        if change.way is Replace.SWAP:
            swapped.add(change.place)
    schemas = {schema for schema, _ in swapped}
    views = replaced_views(before, swapped)
    for hidden in {hidden_namespace(schema) for schema in schemas}:
        yield from _given(before, [*sorted(swapped), *views], hidden)
    yield from _views(before, swapped, views)
    yield from _others(before, swapped, views)
    yield from _tied(before, [*sorted(swapped), *views])


def _ownership(before: Snapshot, change: Change) -> Iterator[Obstacle]:
    relation = before.relation(change.place)
    if relation is not None and not relation.detail["mine"]:
        owner = relation.detail["owner"]
        yield Obstacle(
            change.place,
            f"table {spelled(change.place)} belongs to {owner}, and boardlift's role is no member of it",
            f"GRANT {owner} TO <boardlift's role>",
        )


def _given(before: Snapshot, replaced: Iterable[Place], hidden: str) -> Iterator[Obstacle]:
    """Successors are made in the hidden schema and given to the owner there, which asks something of both roles."""
    for place in replaced:
        relation = before.relation(place)
        for entry in (*([relation] if relation else []), *before.of("statistics", place)):
            owner = entry.detail["owner"]
            if not entry.detail["mine"]:
                if entry.kind == "statistics":
                    words = f"{describe(entry)} belongs to {owner}, so boardlift's role may not move it"
                    yield Obstacle(place, words, _MEMBER)
                continue
            if not entry.detail["settable"]:
                words = f"boardlift's role may not give the successor of {describe(entry)} to its owner {owner}"
                yield Obstacle(place, words, f"GRANT {owner} TO <boardlift's role> WITH SET TRUE, {IN_PLACE_HELPS}")
            if not entry.detail["receives"]:
                words = (
                    f"{owner}, who owns {describe(entry)}, may have nothing in {hidden}, where its successor is made"
                )
                yield Obstacle(place, words, f"GRANT USAGE, CREATE ON SCHEMA {hidden} TO {owner}, {IN_PLACE_HELPS}")
            if entry.kind == "statistics" and not entry.detail["may_create"]:
                schema = entry.detail["place"][0]
                words = f"{describe(entry)} is in a schema where boardlift's role may create nothing"
                yield Obstacle(place, words, f"GRANT CREATE ON SCHEMA {schema} TO <boardlift's role>, {IN_PLACE_HELPS}")


def _views(before: Snapshot, swapped: set[Place], views: list[Place]) -> Iterator[Obstacle]:
    """Views that must be bound again, and materialized ones that must be replaced."""
    replaced = swapped | set(views)
    for place in [*views, *(entry.place for entry in dependants(before, replaced) if entry.kind == "view")]:
        relation = before.relation(place)
        if relation is None:
            continue
        words = describe(relation)
        if relation.detail["persistence"] == "t":
            out = f"drop it there, or end that session, {IN_PLACE_HELPS}"
            yield Obstacle(place, f"temporary {words} of a session cannot be bound again by another one", out)
        elif not relation.detail["mine"]:
            owner = relation.detail["owner"]
            yield Obstacle(place, f"{words} belongs to {owner}, so boardlift's role may not bind it again", _MEMBER)
        elif not relation.detail["may_create"]:
            yield Obstacle(
                place,
                f"{words} is in a schema where boardlift's role may create nothing",
                f"GRANT CREATE ON SCHEMA {place[0]} TO <boardlift's role>, {IN_PLACE_HELPS}",
            )


def _others(before: Snapshot, swapped: set[Place], views: list[Place]) -> Iterator[Obstacle]:
    """Functions, rules, policies, publications and foreign keys elsewhere."""
    replaced = swapped | set(views)
    others = [entry for entry in dependants(before, replaced) if entry.kind != "view"]
    others += [entry for entry in before.of("publication") if entry.place in replaced]
    others += [key for key in before.of("foreign") if _target(key) in replaced and key.place not in replaced]
    for entry in others:
        if not entry.detail["mine"]:
            yield Obstacle(entry.place, f"boardlift's role may not alter {describe(entry)}", _MEMBER)
        elif entry.detail.get("vouched"):
            words = f"{describe(entry)} is marked LEAKPROOF, which a superuser alone can do again"
            yield Obstacle(entry.place, words, f"ALTER FUNCTION ... NOT LEAKPROOF, {IN_PLACE_HELPS}")
        elif entry.detail.get("extended"):
            words = f"{describe(entry)} depends on an extension, which would be forgotten"
            yield Obstacle(entry.place, words, f"ALTER FUNCTION ... NO DEPENDS ON EXTENSION, {IN_PLACE_HELPS}")
        elif entry.kind == "foreign" and not entry.detail["reachable"]:
            yield Obstacle(entry.place, f"boardlift's role may not alter {describe(entry)}", _usage(entry.place[0]))


def _tied(before: Snapshot, replaced: Iterable[Place]) -> Iterator[Obstacle]:
    """Triggers and foreign keys of the replaced relations, which are made again by boardlift's role."""
    for place in replaced:
        for trigger in before.of("trigger", place):
            if not trigger.detail["callable"]:
                words = f"{describe(trigger)} calls {trigger.detail['calls']}, which boardlift's role may not"
                yield Obstacle(place, words, f"GRANT EXECUTE on it, and USAGE on its schema, {IN_PLACE_HELPS}")
        for key in before.of("foreign", place):
            if not key.detail["referable"]:
                target = spelled(_target(key))
                words = f"{describe(key)} refers to {target}, which boardlift's role may not"
                yield Obstacle(place, words, f"GRANT REFERENCES on it, and USAGE on its schema, {IN_PLACE_HELPS}")


def _usage(schema: str) -> str:
    return f"GRANT USAGE ON SCHEMA {schema} TO <boardlift's role>, {IN_PLACE_HELPS}"


def _target(key: Entry) -> Place:
    schema, name = key.detail["target"]
    return str(schema), str(name)
