"""Kinds that point at people, teams and tags: people, person, team, vote, tags, item_assignees."""

from __future__ import annotations

from random import Random
from typing import cast

from .base import (
    Cell,
    Directory,
    Kind,
    Plain,
    Record,
    Settings,
    dumps,
    integer,
    iso_ms,
    iso_offset,
    iso_z,
    mapping,
    members,
)


def sample_people(rng: Random, _settings: Settings, world: Directory) -> Plain:
    """None to four persons, sometimes with a team or an agent; deleted users occur among the persons."""
    if rng.random() < 0.2:
        return None
    chosen = [
        {"id": integer(row["id"]), "kind": "person"}
        for row in rng.sample(world.users, k=min(len(world.users), rng.choice((1, 1, 1, 2, 3))))
    ]
    if rng.random() < 0.15:
        chosen.append({"id": integer(rng.choice(world.teams)["id"]), "kind": "team"})
    if rng.random() < 0.05:
        chosen.append({"id": integer(rng.choice(world.agents)["id"]), "kind": "agent"})
    return chosen


def entities(plain: Plain) -> list[tuple[int, str]]:
    """(id, kind) of every member; a bare id is a person."""
    pairs = []
    for member in members(plain):
        row = mapping(member)
        pairs.append((integer(row["id"]), str(row.get("kind", "person"))) if row else (integer(member), "person"))
    return pairs


def build_people(plain: Plain, _settings: Settings, world: Directory, changed: int) -> Cell:
    """Names joined by ", " in the text, ids and kinds in the value."""
    if plain is None:
        return Cell("", None, {"persons_and_teams": [], "updated_at": None}, {"": None, "links": []})
    pairs = entities(plain)
    names = ", ".join(name for identity, kind in pairs if (name := world.name_of(kind, identity)))
    raw = dumps(
        {
            "personsAndTeams": [{"id": identity, "kind": kind} for identity, kind in pairs],
            "changed_at": iso_ms(changed),
        }
    )
    shown = [{"id": str(identity), "kind": kind} for identity, kind in pairs]
    links = [{"id": identity, "kind": kind} for identity, kind in pairs]
    return Cell(
        names,
        raw,
        {"persons_and_teams": shown, "updated_at": iso_offset(changed)},
        {"": names or None, "links": links},
    )


def build_assignees(plain: Plain, settings: Settings, world: Directory, changed: int) -> Cell:
    """No type of its own in the API (FACTS 17): the value of a people column under `UnsupportedValue`."""
    people = build_people(plain, settings, world, changed)
    pairs = entities(plain)
    parsed = {
        "personsAndTeams": [{"id": identity, "kind": kind} for identity, kind in pairs],
        "changed_at": iso_ms(changed),
    }
    return Cell(people.text, people.value, {}, {"": None if plain is None else parsed})


def sample_one(rng: Random, rows: list[Record]) -> Plain:
    """The id of one of the rows, or None."""
    return None if rng.random() < 0.3 else integer(rng.choice(rows)["id"])


def build_one(kind: str, plain: Plain, world: Directory, changed: int) -> Cell:
    """The old single-person and team columns: an id and a name."""
    name_of_id = f"{kind}_id"
    if plain is None:
        return Cell("", None, {name_of_id: None, "updated_at": None}, {"": None, "id": None})
    identity = integer(plain)
    name = world.name_of(kind, identity) or ""
    raw = dumps({"personsAndTeams": [{"id": identity, "kind": kind}], "changed_at": iso_ms(changed)})
    shown: object = str(identity) if kind == "person" else identity
    return Cell(name, raw, {name_of_id: shown, "updated_at": iso_offset(changed)}, {"": name or None, "id": identity})


def sample_vote(rng: Random, _settings: Settings, world: Directory) -> Plain:
    """The ids of the users who voted."""
    if rng.random() < 0.4:
        return None
    return [integer(row["id"]) for row in rng.sample(world.users, k=min(len(world.users), rng.randint(1, 6)))]


def build_vote(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """Without votes the text is "0" and the value null (FACTS 17)."""
    ids = [integer(member) for member in members(plain)]
    raw = dumps({"voter_ids": ids, "changed_at": iso_ms(changed)}) if ids else None
    fields: Record = {
        "vote_count": len(ids),
        "voter_ids": [str(identity) for identity in ids],
        "updated_at": iso_z(changed) if ids else None,
    }
    return Cell(str(len(ids)), raw, fields, {"": len(ids), "links": [{"id": identity} for identity in ids]})


def sample_tags(rng: Random, _settings: Settings, world: Directory) -> Plain:
    """Some of the account's tags."""
    if rng.random() < 0.4:
        return None
    return [integer(row["id"]) for row in rng.sample(world.tags, k=min(len(world.tags), rng.randint(1, 3)))]


def build_tags(plain: Plain, _settings: Settings, world: Directory, _changed: int) -> Cell:
    """Ids in the value, names in the text."""
    ids = [integer(member) for member in members(plain)]
    text = ", ".join(world.tag_name(identity) for identity in ids)
    rows = cast("list[object]", [row for identity in ids for row in world.tags if row["id"] == str(identity)])
    raw = dumps({"tag_ids": ids}) if ids else None
    return Cell(text, raw, {"tag_ids": ids, "tags": rows}, {"": text or None, "links": [{"tag_id": i} for i in ids]})


KINDS = (
    Kind("people", "PeopleValue", sample_people, build_people),
    Kind(
        "person",
        "PersonValue",
        lambda rng, _s, w: sample_one(rng, w.users),
        lambda p, _s, w, at: build_one("person", p, w, at),
    ),
    Kind(
        "team",
        "TeamValue",
        lambda rng, _s, w: sample_one(rng, w.teams),
        lambda p, _s, w, at: build_one("team", p, w, at),
    ),
    Kind("vote", "VoteValue", sample_vote, build_vote),
    Kind("tags", "TagsValue", sample_tags, build_tags),
    Kind("item_assignees", "UnsupportedValue", sample_people, build_assignees),
)
