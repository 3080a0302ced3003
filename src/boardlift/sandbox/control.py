"""The control door: operations on a running account, as JSON, for tests that drive a server in another process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

from .fault import Fault
from .kinds.base import Record, integer
from .service import Service

Operation = Callable[[Service, Record], object]


def keyword(method: str, *names: str) -> Operation:
    """An operation that is a method of the account: `names` are required, the rest of the request are keywords."""

    def run(service: Service, request: Record) -> object:
        missing = [name for name in names if name not in request]
        if missing:
            raise ValueError(f"the operation needs {', '.join(missing)}")
        rest = {name: value for name, value in request.items() if name not in ("op", *names)}
        return getattr(service.account, method)(*(request[name] for name in names), **rest)

    return run


def add_column(service: Service, request: Record) -> object:
    """Answers the id of the new column."""
    column = service.account.add_column(
        board_key(request),
        str(request["type"]),
        str(request["title"]),
        column_id=cast("str | None", request.get("column_id")),
        filled=float(str(request.get("filled", 0.1))),
    )
    return column.id


def board_key(request: Record) -> int | str:
    """The board of a request: an id or a name."""
    key = request["board"]
    return key if isinstance(key, int) else int(str(key)) if str(key).isdigit() else str(key)


def add_fault(service: Service, request: Record) -> object:
    """The fault's settings stand beside `op`."""
    settings = {name: value for name, value in request.items() if name != "op"}
    unknown = set(settings) - Fault.names()
    if unknown:
        raise ValueError(f"a fault has no setting {', '.join(sorted(unknown))}")
    make = cast("Callable[..., Fault]", Fault)
    service.faults.add(make(**settings))
    return None


def clear_faults(service: Service, _request: Record) -> object:
    """No more faults."""
    service.faults.clear()
    return None


def advance(service: Service, request: Record) -> object:
    """Moves the account's clock; answers its time."""
    service.account.advance(float(str(request["seconds"])))
    return service.account.now()


def boards(service: Service, _request: Record) -> object:
    """What there is, for a person or a script that wants a board's id."""
    return [
        {"id": board.id, "name": board.name, "type": board.type, "items": len(board.active())}
        for board in service.account.boards
    ]


def items(service: Service, request: Record) -> object:
    """The ids of the first active items of a board."""
    board = service.account.board(board_key(request))
    return [board.item_id(place) for place in board.active()[: integer(request.get("limit", 100))]]


def lose_log(service: Service, request: Record) -> object:
    """The board's activity log so far is lost, as parts of real ones are."""
    with service.account.lock:
        service.account.board(board_key(request)).log.clear()
    return None


def subscribe(service: Service, request: Record) -> object:
    """A webhook for a board's events: `url`, and `secret` when its posts are to be signed. Answers its id."""
    secret = request.get("secret")
    board = service.account.board(board_key(request)).id
    return service.hooks.subscribe(board, str(request["url"]), None if secret is None else str(secret))


def unsubscribe(service: Service, request: Record) -> object:
    """The end of a `subscription`."""
    service.hooks.unsubscribe(integer(request["subscription"]))
    return None


OPERATIONS: dict[str, Operation] = {
    "add_column": add_column,
    "rename_column": keyword("rename_column", "board", "column", "title"),
    "retype_column": keyword("retype_column", "board", "column", "type"),
    "delete_column": keyword("delete_column", "board", "column"),
    "rename_board": keyword("rename_board", "board", "name"),
    "delete_board": keyword("delete_board", "board"),
    "set_unreadable": keyword("set_unreadable", "board"),
    "add_items": keyword("add_items", "board", "n"),
    "change_item": keyword("change_item", "item", "values"),
    "rename_item": keyword("rename_item", "item", "name"),
    "move_item": keyword("move_item", "item"),
    "archive_item": keyword("archive_item", "item"),
    "restore_item": keyword("restore_item", "item"),
    "duplicate_board": keyword("duplicate_board", "board"),
    "rename_label": keyword("rename_label", "board", "column", "label", "text"),
    "rename_user": keyword("rename_user", "user", "name"),
    "delete_item": keyword("delete_item", "item"),
    "lose_log": lose_log,
    "misfit": keyword("misfit", "item", "column"),
    "add_fault": add_fault,
    "clear_faults": clear_faults,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "stats": lambda service, _request: service.record(),
    "journal": lambda service, _request: service.stats.journal(),
    "advance": advance,
    "boards": boards,
    "items": items,
}


def operation_of(request: Record) -> Operation:
    """The operation a request names."""
    operation = OPERATIONS.get(str(request.get("op")))
    if operation is None:
        raise ValueError(f"no operation is called {request.get('op')!r}; there are: {', '.join(sorted(OPERATIONS))}")
    return operation


def obey(service: Service, body: bytes) -> tuple[int, bytes]:
    """HTTP status and JSON answer of a control request."""
    try:
        request = cast("Record", json.loads(body))
        for name in ("board", "item"):
            if str(request.get(name, "")).isdigit():
                request[name] = int(str(request[name]))
        answer: Record = {"ok": True, "result": operation_of(request)(service, request)}
        return 200, json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return 400, json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}, ensure_ascii=False).encode()
