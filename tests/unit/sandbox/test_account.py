"""The made-up account: what is in it, and that it costs little."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import httpx
from graphql import GraphQLEnumType

from boardlift.sandbox import Account
from boardlift.sandbox.schema import schema


def test_the_default_account_is_large_and_has_every_column_type(account: Account) -> None:
    """Ten boards and more, about 12,000 items, 300,000 cells, all 43 types, the odd board kinds."""
    items = sum(board.base for board in account.boards)
    cells = sum(board.base * len(board.value_columns()) for board in account.boards)
    types = schema().type_map["ColumnType"]
    assert isinstance(types, GraphQLEnumType)
    assert len(account.boards) >= 10
    assert 11_000 < items < 13_000
    assert cells >= 300_000
    assert {column.type for board in account.boards for column in board.columns} == set(types.values)
    assert {board.type for board in account.boards} == {"board", "sub_items_board", "document"}
    assert max(len(board.columns) for board in account.boards) == 150
    assert min(board.base for board in account.boards) == 0


def test_ids_are_unique_and_above_32_bits(account: Account) -> None:
    """Items of all boards, and columns within a board."""
    ids = [item.id for board in account.boards for item in board.active_items()]
    assert len(ids) == len(set(ids))
    assert min(ids) > 2**32
    for board in account.boards:
        assert len({column.id for column in board.columns}) == len(board.columns)


def test_titles_are_hostile(account: Account) -> None:
    """SQL, quotes, NUL, 300 characters, only emoji, the same one ten times, reserved words; duplicate column titles."""
    board = account.board("Hostile titles")
    names = [board.name_of(place) for place in board.active()]
    assert {"select", "🚀", "'; DROP TABLE items; --", "a\u0000b"} <= set(names)
    assert max(map(len, names)) == 300
    assert names.count("The same title") == 10
    assert all("\u0000" not in (item.name or "") for item in board.active_items())
    titles = [column.title for column in account.board("Monster (150 columns)").columns]
    assert len(titles) > len(set(titles))


def test_size_scales_the_boards() -> None:
    """Half the size, about half the items."""
    assert 5_500 < sum(board.base for board in Account(size=0.5).boards) < 6_500


def test_a_benchmark_board_costs_nothing_until_it_is_read() -> None:
    """100,000 items x 30 columns are there at once."""
    start = time.perf_counter()
    account = Account.benchmark(100_000, 30, seed=3)
    assert time.perf_counter() - start < 1
    board = account.boards[0]
    assert (board.base, len(board.value_columns())) == (100_000, 30)
    assert board.truth(board.item_id(99_999), "numbers")
    assert account.boards[0].truth(board.item_id(5), "status") == Account.benchmark(100_000, 30, seed=3).boards[
        0
    ].truth(board.item_id(5), "status")


def test_users_teams_and_the_rest_are_listed(ask) -> None:
    """People of every status, a deleted one, teams, tags, workspaces, documents, updates with replies."""
    ask.start()
    data = ask.data(
        "{me{id time_zone_identifier} account{slug plan{tier}} users{id}"
        " all:users(status:[ACTIVE,PENDING,INACTIVE]){id is_deleted}"
        " teams{id name users{id}} tags{id name} workspaces{id name is_default_workspace} docs{object_id}"
        " updates(limit:100){id body creator_id item_id creator{id} replies{id}} version{kind value} versions{value}"
        " platform_api{daily_limit{total}}}"
    )
    assert data["me"]["time_zone_identifier"] == "Europe/Berlin"
    assert len(data["users"]) == len(data["all"]) - 2
    assert any(user["is_deleted"] for user in data["all"])
    assert len(data["updates"]) > 50
    assert None in [update["item_id"] for update in data["updates"]]
    assert any(update["creator"] is None for update in data["updates"])
    assert any(update["replies"] for update in data["updates"])
    assert data["version"] == {"kind": "current", "value": "2026-10"}


def test_settings_come_in_both_formats(ask) -> None:
    """`settings` lists labels by id with a display place; `settings_str` is the older text."""
    board = ask.start().account.board("Inventory")
    query = "query($b:[ID!]){boards(ids:$b){columns(types:[status]){settings settings_str}}}"
    column = ask.data(query, b=[board.id])["boards"][0]["columns"][0]
    labels = {str(label["id"]): label for label in column["settings"]["labels"]}
    old = json.loads(column["settings_str"])
    assert old["labels"] == {key: label["label"] for key, label in labels.items()}
    assert old["labels_positions_v2"] == {key: label["index"] for key, label in labels.items()}
    assert any(label["is_deactivated"] for label in labels.values())


def test_fragments_aliases_and_directives_work(ask) -> None:
    """Named fragments are merged, aliases kept, @include and @skip follow their variables."""
    board = ask.start().account.board("Inventory")
    query = (
        "query A($b:[ID!],$more:Boolean!){x:boards(ids:$b){...Page} me @skip(if:$more){id}}"
        " fragment Page on Board{items_page(limit:1){items{a:id ...Item}}}"
        " fragment Item on Item{name @include(if:$more) a:id}"
    )
    for more in (True, False):
        data = ask.data(query, b=[board.id], more=more)
        item = data["x"][0]["items_page"]["items"][0]
        assert set(item) == ({"a", "name"} if more else {"a"})
        assert ("me" in data) != more


def test_introspection_is_answered(ask) -> None:
    """Tools that ask for the schema get it."""
    ask.start()
    assert ask.data("{__schema{queryType{name}}}") == {"__schema": {"queryType": {"name": "Query"}}}


def test_answers_are_compressed_when_asked(ask) -> None:
    """gzip, again and again from the cache, says what plain says."""
    board = ask.start().account.board("Inventory")
    query = "query($b:[ID!]){boards(ids:$b){items_page(limit:100){items{id name column_values{id text}}}}}"
    plain = ask.post(query, {"Accept-Encoding": "identity"}, b=[board.id])
    for _ in range(2):
        packed = ask.post(query, {"Accept-Encoding": "gzip"}, b=[board.id])
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.json()["data"] == plain.json()["data"]


def test_the_sandbox_runs_as_a_process_of_its_own() -> None:
    """One line of JSON on stdout, answers, and an end when stdin is closed."""
    command = [sys.executable, "-m", "boardlift.sandbox", "--items", "1000", "--columns", "4", "--stop-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        ready = json.loads(process.stdout.readline())
        headers = {"Authorization": ready["token"]}
        answer = httpx.post(ready["url"], json={"query": "{boards{items_count}}"}, headers=headers)
        assert answer.json()["data"] == {"boards": [{"items_count": 1000}]}
        process.stdin.close()
        assert process.wait(timeout=10) == 0
