"""The people and things of an account that are not boards: users, teams, agents, tags, workspaces, folders."""

from __future__ import annotations

from random import Random

from . import words
from .board import ANCHOR, DAY
from .kinds import Directory
from .kinds.base import Record, integer, iso_z

SLUG = "nordwind-sandbox"
ACCOUNT_ID = "9900417"
OWNER_ZONE = "Europe/Berlin"
MAIN_WORKSPACE = 7_100_001
TAG_NAMES = (
    "urgent",
    "kunde",
    "ΔQ",
    "lärm",
    "low, risk",
    "2026",
    "שטח",
    "👷",
    "rework",
    "Rework",
    "prototype",
    "iso9001",
)


def make_directory(seed: int, users: int = 40) -> Directory:
    """A directory with `users` users (one deleted, one inactive, one guest), four teams, two agents and twelve tags."""
    rng = Random(f"{seed}:directory")
    world = Directory(SLUG)
    world.users = [make_user(rng, place) for place in range(users)]
    world.teams = [
        {
            "id": str(1_330_000 + place),
            "name": name,
            "picture_url": None,
            "is_guest": False,
            "created_at": iso_z(ANCHOR - 600 * DAY),
            "members": [str(row["id"]) for row in world.users[place::4]],
        }
        for place, name in enumerate(("Planning", "Werk 2 – Montage", "צוות איכות", "Sales & Service"))
    ]
    world.agents = [{"id": str(77_000_000_001 + place), "name": f"Agent {place + 1}"} for place in range(2)]
    world.tags = [
        {"id": str(24_000_001 + place), "name": name, "color": f"#{(place * 1_193_046) & 0xFFFFFF:06x}"}
        for place, name in enumerate(TAG_NAMES)
    ]
    return world


def make_user(rng: Random, place: int) -> Record:
    """One user; places 3, 4 and 5 are deleted, inactive and a guest. Some ids are above 32 bits."""
    name = words.person_name(rng)
    identity = 48_200_000 + place * 37 if place % 5 else 5_048_200_000 + place * 37
    email = f"user{place}@{SLUG}.example"
    created = iso_z(ANCHOR - 690 * DAY + place * DAY)
    return {
        "id": str(identity),
        "name": name,
        "email": email,
        "created_at": created,
        "is_deleted": place == 3,
        "kind": "guest" if place == 5 else "admin" if place == 0 else "member",
        "phone": "",
        "mobile_phone": None,
        "status": "INACTIVE" if place in (3, 4) else "PENDING" if place == 6 else "ACTIVE",
        "title": rng.choice(words.DEPARTMENTS),
        "country_code": "DE",
        "last_activity": iso_z(ANCHOR - place * 3600),
        "location": None,
        "birthday": None,
        "time_zone_identifier": OWNER_ZONE if place % 3 == 0 else "America/New_York",
        "utc_hours_diff": 1.0,
        "url": f"https://{SLUG}.monday.com/users/{identity}",
        "account_id": ACCOUNT_ID,
        "current_language": "en",
        "serial_number": place + 1,
        "became_active_at": created,
        "is_email_confirmed": True,
        "photo_url": None,
    }


def make_workspaces() -> list[Record]:
    """The main workspace and two more, one of them closed."""
    rows = (
        (MAIN_WORKSPACE, "Main workspace", "open", True),
        (7_100_002, "Werk Nord", "open", False),
        (7_100_003, "HR", "closed", False),
    )
    return [
        {
            "id": str(identity),
            "name": name,
            "kind": kind,
            "state": "active",
            "description": None,
            "created_at": iso_z(ANCHOR - 695 * DAY),
            "is_default_workspace": default,
        }
        for identity, name, kind, default in rows
    ]


def user_by_id(world: Directory, identity: str) -> Record | None:
    """The user of an id, or None."""
    return next((row for row in world.users if row["id"] == identity), None)


def account_record(tier: str) -> Record:
    """The account itself, on a plan."""
    return {
        "id": ACCOUNT_ID,
        "name": "Nordwind Sandbox",
        "slug": SLUG,
        "tier": tier,
        "country_code": "DE",
        "created_at": iso_z(ANCHOR - 700 * DAY),
        "first_day_of_the_week": "monday",
        "show_timeline_weekends": True,
        "active_members_count": 37,
        "logo": None,
        "plan": {"max_users": 50, "period": "yearly", "tier": tier, "version": 11},
    }


def make_updates(world: Directory, item_ids: list[int], board_id: int, seed: int) -> list[Record]:
    """An update for each item, newest last; some with a reply, some by a template, one of the board only."""
    rng = Random(f"{seed}:updates:{board_id}")
    rows: list[Record] = []
    for place, item_id in enumerate(item_ids):
        at = f"{iso_z(ANCHOR - (len(item_ids) - place) * 3600)[:-1]}.000Z"
        author = "-7" if place % 11 == 3 else str(world.users[place % len(world.users)]["id"])
        text = rng.choice(words.SENTENCES)
        row: Record = {
            "id": str(570_000_000 + board_id % 1000 * 10_000 + place),
            "body": f"\ufeff<p>{text}</p>",
            "text_body": text,
            "creator_id": author,
            "created_at": at,
            "updated_at": at,
            "edited_at": at,
            "item_id": None if place == 0 else str(item_id),
            "replies": [],
            "assets": [],
            "likes": [],
            "original_creation_date": None,
            "kind": "reply",
            "board_id": board_id,
        }
        if place % 4 == 1:
            row["replies"] = [
                {
                    **row,
                    "id": str(integer(row["id"]) + 5000),
                    "body": "<p>ok</p>",
                    "text_body": "ok",
                    "replies": [],
                }
            ]
        rows.append(row)
    return rows
