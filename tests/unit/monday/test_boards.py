"""Account, list of boards, shapes and counts."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from boardlift.errors import PermissionMissing, SourceUnavailable
from boardlift.monday.boards import list_boards, read_account, read_boards, read_counts, read_visible_boards
from unit.monday.reading import Script, answer, client_of, refusal


def board(board_id: str, **more: object) -> dict[str, object]:
    return {"id": board_id, "name": f"Board {board_id}", "type": "board", "state": "active", "items_count": 3, **more}


def ids_of(request: httpx.Request) -> list[str]:
    return list(json.loads(request.content)["variables"]["ids"])


def test_the_account_is_read_in_one_call() -> None:
    """Name, plan, user, zone and version."""
    data = {
        "me": {"id": "7", "name": "Ann", "email": "ann@example.com", "time_zone_identifier": "Europe/Berlin"},
        "account": {"id": "1", "name": "Acme", "slug": "acme", "tier": None, "plan": {"tier": "pro"}},
        "version": {"kind": "current", "value": "2026-10"},
    }
    account = read_account(client_of(Script(answer(data))))
    assert (account.name, account.tier, account.user_name, account.time_zone) == ("Acme", "pro", "Ann", "Europe/Berlin")


def test_an_account_without_a_plan_is_read() -> None:
    """Trials have none; nulls are normal behind a federating router."""
    account = read_account(
        client_of(Script(answer({"me": None, "account": {"id": "1", "plan": None}, "version": None})))
    )
    assert (account.id, account.tier, account.version) == ("1", "", "2026-10")


def test_boards_are_listed_until_a_short_page() -> None:
    """Each once, although a board made meanwhile pushes another to the next page."""
    first = [board(str(n)) for n in range(200)]
    script = Script(answer({"boards": first}), answer({"boards": [board("199"), board("200"), None]}))
    listed = list_boards(client_of(script))
    assert [b.id for b in listed] == [str(n) for n in range(201)]
    assert [json.loads(r.content)["variables"]["page"] for r in script.requests] == [1, 2]


@pytest.mark.parametrize(
    ("workspace", "expected"),
    [(None, None), ({"id": None, "name": "Main workspace"}, None), ({"id": "65", "name": "Main"}, "65")],
)
def test_the_main_workspace_in_its_three_forms(workspace: object, expected: str | None) -> None:
    """Null, an object with a null id, a real id: all recorded."""
    listed = list_boards(client_of(Script(answer({"boards": [board("1", workspace=workspace)]}))))
    assert listed[0].workspace_id == expected


def test_a_list_that_breaks_on_workspaces_is_read_without_them() -> None:
    """Some boards made from templates answer their workspace with an internal error."""

    def monday(request: httpx.Request) -> httpx.Response:
        if b"workspace{" in request.content:
            return refusal("INTERNAL_SERVER_ERROR")
        return answer({"boards": [board("1", workspace_id="9")]})

    assert list_boards(client_of(monday))[0].workspace_id == "9"


def test_a_shape_has_columns_and_groups_in_order() -> None:
    """Nulls among the members are skipped, groups come as people see them, settings are a mapping."""
    shape = board(
        "1",
        columns=[
            None,
            {"id": "name", "title": "Name", "type": "name"},
            {"id": "s", "type": "brand_new", "settings": {"a": 1}},
        ],
        groups=[{"id": "b", "position": "163840.0"}, None, {"id": "a", "position": "65536", "title": "A"}],
        tags=[{"id": "5", "name": "t", "color": "#fff"}, None],
        workspace=None,
    )
    read = read_boards(client_of(Script(answer({"boards": [shape]}))), ["1"])[0]
    assert [(c.id, c.type, c.settings) for c in read.columns] == [("name", "name", {}), ("s", "brand_new", {"a": 1})]
    assert [g.id for g in read.groups] == ["a", "b"]
    assert [t.name for t in read.tags] == ["t"]


def test_a_board_not_given_is_an_error_that_names_it() -> None:
    """And says what monday said."""
    error = {"message": "User unauthorized", "extensions": {"code": "USER_UNAUTHORIZED"}}
    script = Script(answer({"boards": [board("1"), None]}, errors=[error]))
    with pytest.raises(PermissionMissing, match=r"cannot see board 2.*User unauthorized"):
        read_boards(client_of(script), ["1", "2"])


def test_missing_boards_can_be_asked_for_as_a_list() -> None:
    """For readers who go on without them."""
    found = read_visible_boards(client_of(Script(answer({"boards": [board("3"), board("1")]}))), ["1", "2", "3", "1"])
    assert [b.id for b in found.boards] == ["1", "3"]
    assert found.missing == ("2",)


def test_shapes_are_read_in_chunks() -> None:
    """No call asks for more boards than one answer holds well; several are under way at once."""
    asked: list[int] = []
    together = threading.Barrier(3, timeout=10)

    def monday(request: httpx.Request) -> httpx.Response:
        ids = ids_of(request)
        asked.append(len(ids))
        together.wait()
        return answer({"boards": [board(each) for each in ids]})

    wanted = [str(number) for number in range(60)]
    assert [each.id for each in read_boards(client_of(monday), wanted)] == wanted
    assert sorted(asked) == [10, 25, 25]


def test_a_board_monday_fails_on_does_not_take_its_neighbours_along() -> None:
    """The chunk is halved until the board at fault stands alone, and the error is about that one."""
    asked: list[list[str]] = []

    def monday(request: httpx.Request) -> httpx.Response:
        ids = ids_of(request)
        asked.append(ids)
        return refusal("USER_UNAUTHORIZED") if "3" in ids else answer({"boards": [board(i) for i in ids]})

    found = read_visible_boards(client_of(monday), ["1", "2", "3", "4"])
    assert [b.id for b in found.boards] == ["1", "2", "4"]
    assert found.missing == ("3",)
    assert asked[-2:] == [["3"], ["4"]]


def test_a_board_that_always_fails_is_an_error() -> None:
    """An internal error on one board is not taken for a missing board."""
    with pytest.raises(SourceUnavailable):
        read_visible_boards(client_of(lambda _: refusal("INTERNAL_SERVER_ERROR"), retries=0), ["1", "2"])


def test_counts_of_many_boards_come_in_one_call() -> None:
    """With the column heads of that moment."""
    heads = [{"id": "s", "title": "S", "type": "status", "archived": None}, None]
    counts = read_counts(
        client_of(Script(answer({"boards": [{"id": "1", "items_count": 7, "columns": heads}, None]}))), ["1", "2"]
    )
    assert [(c.id, c.items_count, [h.id for h in c.column_heads]) for c in counts] == [("1", 7, ["s"])]


def test_a_field_of_another_form_than_the_schemas_is_told() -> None:
    """The request's id helps the vendor's support."""
    with pytest.raises(SourceUnavailable, match=r"`boards` in a form.*req-1"):
        list_boards(client_of(Script(answer({"boards": {"id": 1}})), retries=0))
