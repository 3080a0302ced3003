"""What the API answers of a value, and what the account says is true of it, are two views of one thing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from boardlift.sandbox import Account, Sandbox, SandboxOptions
from boardlift.sandbox.kinds.base import to_owner_zone
from boardlift.sandbox.run import Lies

CELLS = """
query($b:[ID!]){boards(ids:$b){items_page(limit:500){items{
 id name created_at updated_at creator_id state group{id} parent_item{id}
 column_values{
  id type text value
  ...on NumbersValue{number} ...on StatusValue{index label} ...on DropdownValue{values{id label}}
  ...on DateValue{date time} ...on TimelineValue{from to} ...on WeekValue{start_date end_date}
  ...on HourValue{hour minute} ...on CheckboxValue{checked} ...on PeopleValue{persons_and_teams{id kind}}
  ...on PersonValue{person_id} ...on TeamValue{team_id} ...on TagsValue{tag_ids tags{name}}
  ...on LinkValue{url url_text} ...on EmailValue{email label} ...on PhoneValue{phone country_short_name}
  ...on CountryValue{country{code name}} ...on LocationValue{lat lng address city loc_country:country}
  ...on RatingValue{rating} ...on VoteValue{vote_count voter_ids} ...on WorldClockValue{timezone}
  ...on ColorPickerValue{color} ...on ButtonValue{label}
  ...on FileValue{files{
   __typename
   ...on FileAssetValue{asset_id name} ...on FileLinkValue{file_id name url} ...on FileDocValue{file_id url}
   ...on FileAssetInvalidValue{asset_id bad_name:name}
  }}
  ...on BoardRelationValue{linked_item_ids display_value}
  ...on DependencyValue{linked_item_ids display_value dependency_links{lag}}
  ...on MirrorValue{display_value mirrored_items{linked_item{id} mirrored_value{__typename}}}
  ...on FormulaValue{display_value} ...on SubtasksValue{subitems_ids display_value}
  ...on CreationLogValue{created_at creator_id} ...on LastUpdatedValue{updated_at updater_id}
  ...on ItemIdValue{item_id} ...on TimeTrackingValue{duration running started_at}
  ...on IntegrationValue{issue_id entity_id issue_api_url} ...on GroupValue{group_id}
 }
}}}}
"""
Shown = dict[str, object]
Truth = dict[str, object]


def raw(cell: Shown) -> Shown:
    """The value, decoded once more."""
    value = json.loads(cell["value"]) if cell["value"] else {}
    return value if isinstance(value, dict) else {"": value}


def clean(text: object) -> object:
    return text.replace("\u0000", "") or None if isinstance(text, str) else text


def when(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def links(ids: object, name: str) -> list[dict[str, int]]:
    return [{name: int(identity)} for identity in ids]


def read_date(cell: Shown) -> Truth:
    stored = raw(cell)
    day = date.fromisoformat(stored["date"]) if stored.get("date") else None
    if day is None or not stored.get("time"):
        return {"": day, "at": None}
    at = datetime.combine(day, time.fromisoformat(stored["time"]), UTC)
    assert f"{to_owner_zone(at):%Y-%m-%d %H:%M}" == cell["text"] == f"{cell['date']} {cell['time']}"
    return {"": day, "at": at}


def read_status(cell: Shown) -> Truth:
    label = cell["label"]
    assert cell["text"] == label
    return {"": clean(label), "index": cell["index"]}


def read_colour(cell: Shown) -> Truth:
    colour = raw(cell).get("color")
    if colour is None:
        return {"": None}
    if "hex" in colour:
        assert cell["color"] == cell["text"] == colour["hex"]
        return {"": colour["hex"].upper()}
    assert cell["color"] is None is cell["text"]
    return {"": "#{r:02X}{g:02X}{b:02X}".format(**colour)}


def read_file(cell: Shown) -> Truth:
    kinds = {
        "FileAssetValue": "asset",
        "FileLinkValue": "link",
        "FileDocValue": "doc",
        "FileAssetInvalidValue": "invalid",
    }
    stored = raw(cell).get("files") or []
    shown = [
        {
            "asset_id": int(row["asset_id"]) if "asset_id" in row else None,
            "name": kept["name"],
            "kind": kinds[row["__typename"]],
            "file_id": row.get("file_id"),
            "url": row.get("url"),
        }
        for row, kept in zip(cell["files"], stored, strict=True)
    ]
    return {"": cell["text"] or None, "links": shown}


def hour_of(cell: Shown) -> Truth:
    return {"": None if cell["hour"] is None else time(cell["hour"], cell["minute"])}


def day(text: object) -> date | None:
    return date.fromisoformat(text[:10]) if isinstance(text, str) else None


def people_links(cell: Shown) -> list[dict[str, object]]:
    return [{"id": int(row["id"]), "kind": row["kind"]} for row in cell["persons_and_teams"]]


def anything(cell: Shown) -> Truth:
    return {"": json.loads(cell["value"]) if cell["value"] else None}


READ: dict[str, Callable[[Shown], Truth]] = {
    "text": lambda cell: {"": clean(cell["text"] or None)},
    "long_text": lambda cell: {"": clean(cell["text"] or None)},
    "numbers": lambda cell: {"": Decimal(cell["text"]) if cell["text"] else None},
    "status": read_status,
    "dropdown": lambda cell: {
        "": cell["text"],
        "links": [{"label_id": int(row["id"]), "label": row["label"]} for row in cell["values"]],
    },
    "date": read_date,
    "timeline": lambda cell: {"from": day(cell["from"]), "to": day(cell["to"])},
    "week": lambda cell: {"start": day(cell["start_date"]), "end": day(cell["end_date"])},
    "hour": hour_of,
    "checkbox": lambda cell: {"": None if cell["value"] is None else cell["checked"]},
    "people": lambda cell: {"": cell["text"] or None, "links": people_links(cell)},
    "person": lambda cell: {"": cell["text"] or None, "id": int(cell["person_id"]) if cell["person_id"] else None},
    "team": lambda cell: {"": cell["text"] or None, "id": cell["team_id"]},
    "tags": lambda cell: {"": cell["text"] or None, "links": links(cell["tag_ids"], "tag_id")},
    "link": lambda cell: {"": cell["url"] or None, "text": cell["url_text"] or None},
    "email": lambda cell: {"": cell["email"] or None, "label": cell["label"] or None},
    "phone": lambda cell: {"": cell["phone"] or None, "country": cell["country_short_name"] or None},
    "country": lambda cell: {
        "": cell["country"]["name"] if cell["country"] else None,
        "code": cell["country"]["code"] if cell["country"] else None,
    },
    "location": lambda cell: {
        "": cell["address"],
        "lat": cell["lat"],
        "lng": cell["lng"],
        "city": cell["city"],
        "country": cell["loc_country"],
    },
    "rating": lambda cell: {"": cell["rating"]},
    "vote": lambda cell: {"": int(cell["text"]), "links": links(cell["voter_ids"], "id")},
    "world_clock": lambda cell: {"": cell["timezone"]},
    "color_picker": read_colour,
    "file": read_file,
    "doc": lambda cell: {"": raw(cell).get("files")},
    "direct_doc": lambda cell: {"": raw(cell).get("files")},
    "board_relation": lambda cell: {
        "": clean(cell["display_value"] or None),
        "links": links(cell["linked_item_ids"], "linked_item_id"),
    },
    "mirror": lambda cell: {"": clean(cell["display_value"] or None)},
    "formula": lambda cell: {"": cell["display_value"] or None},
    "subtasks": lambda cell: {
        "": clean(cell["display_value"] or None),
        "links": links(cell["subitems_ids"], "linked_item_id"),
    },
    "creation_log": lambda cell: {"": when(cell["created_at"]), "by": int(cell["creator_id"])},
    "last_updated": lambda cell: {"": when(cell["updated_at"]), "by": int(cell["updater_id"])},
    "item_id": lambda cell: {"": cell["item_id"]},
    "time_tracking": lambda cell: {
        "": cell["duration"],
        "running": cell["running"],
        "started_at": when(cell["started_at"]),
    },
    "integration": lambda cell: {
        "": cell["issue_id"],
        "entity_id": cell["entity_id"],
        "url": cell["issue_api_url"],
    },
    "group": lambda cell: {"": cell["group_id"]},
    "button": lambda cell: {"": cell["label"]},
    "auto_number": lambda _cell: {},
    "progress": lambda _cell: {},
    "unsupported": anything,
    "item_assignees": anything,
}
READ["dependency"] = READ["board_relation"]


def answers(account: Account) -> Iterator[tuple[object, Shown]]:
    """Every board of a small account with its items as answered."""
    engine = Sandbox(account, SandboxOptions()).service.engine
    for board in account.boards:
        program, variables = engine.prepare(CELLS, None, {"b": [str(board.id)]})
        answer = engine.execute(program, variables, Lies(), "2026-10")
        page = json.loads(answer.text + b"}")["data"]["boards"][0]["items_page"]
        assert page["items"] or not board.base
        for item in page["items"]:
            yield board, item


@pytest.fixture(scope="module")
def small() -> list[tuple[object, Shown]]:
    """A tenth of the default account, read."""
    return list(answers(Account(size=0.1)))


@pytest.mark.parametrize("type_name", sorted(READ))
def test_the_answer_of_each_type_says_what_is_true(small: list[tuple[object, Shown]], type_name: str) -> None:
    """Read by the rules of the type, the answered value gives the facets of the truth; some are empty, some are not."""
    seen = 0
    for board, item in small:
        for cell in item["column_values"]:
            if cell["type"] == type_name:
                assert READ[type_name](cell) == board.truth(int(item["id"]), cell["id"]), cell
                seen += 1
    assert seen > 5


def test_items_say_what_is_true(small: list[tuple[object, Shown]]) -> None:
    """Ids, names, times, groups, parents."""
    for board, item in small:
        true = board.item(board.place_of(int(item["id"])))
        assert clean(item["name"]) == clean(true.name)
        assert (when(item["created_at"]), when(item["updated_at"])) == (true.created_at, true.updated_at)
        assert true.created_at <= true.updated_at
        parent = int(item["parent_item"]["id"]) if item["parent_item"] else None
        assert (item["group"]["id"], int(item["creator_id"]), parent, item["state"]) == (
            true.group_id,
            true.creator_id,
            true.parent_item_id,
            true.state,
        )


def test_all_kinds_of_empty_occur(small: list[tuple[object, Shown]]) -> None:
    """Text "" and null, value null and cleared, "0" votes, a label without a value, a status without a label."""
    seen: dict[str, set[tuple[object, object]]] = {}
    for _board, item in small:
        for cell in item["column_values"]:
            kept = raw(cell)
            kept.pop("changed_at", None)
            seen.setdefault(cell["type"], set()).add(
                (cell["text"], None if cell["value"] is None else json.dumps(kept))
            )
    assert {("", None), ("", '{"": ""}')} <= seen["text"]
    assert {("", None), ("", '{"": ""}')} <= seen["numbers"]
    assert {(None, None), (None, "{}"), ("Not Started", None)} <= seen["status"]
    assert (None, None) in seen["dropdown"]
    assert ("", '{"time": "", "date": ""}') in seen["date"]
    assert {("", None), ("", '{"files": []}')} <= seen["file"]
    assert ("", '{"files": null}') in seen["direct_doc"]
    assert ("0", None) in seen["vote"]
    assert {("", None), ("", '{"checked": false}'), ("v", '{"checked": "true"}')} <= seen["checkbox"]
    for silent in ("board_relation", "mirror", "dependency", "subtasks"):
        assert seen[silent] == {(None, None)}


def test_a_float_is_not_enough_for_a_number(small: list[tuple[object, Shown]]) -> None:
    """Some numbers lose digits in the typed field and keep them in the text."""
    cells = [
        cell for _board, item in small for cell in item["column_values"] if cell["type"] == "numbers" and cell["text"]
    ]
    assert any(Decimal(cell["number"]) != Decimal(cell["text"]) for cell in cells)
    assert "12345678901234567890.12" in {cell["text"] for cell in cells}


def test_mirrors_connect_and_dependency_point_at_real_items(small: list[tuple[object, Shown]]) -> None:
    """Every linked id is an item of the boards that the column's settings name."""
    for board, item in small[:400]:
        for cell in item["column_values"]:
            if cell["type"] in ("board_relation", "dependency"):
                boards = board.column(cell["id"]).settings["boardIds"]
                for identity in cell["linked_item_ids"]:
                    span = 10_000_000
                    assert 18_400_000_000 + (int(identity) - 5_000_000_000) // span * 101 in boards
