"""What a fault does to an answer."""

from __future__ import annotations

from . import problems
from .fault import Fault
from .kinds.base import Record, integer
from .problems import Refusal
from .run import Lies

HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


def refusal_of(fault: Fault) -> Refusal | None:
    """The refusal a fault answers with, in place of the answer; None when the fault works on the answer itself."""
    wait = max(1, round(fault.seconds))
    limited = "Rate Limit Exceeded"
    refusals = {
        "429_retry_after": Refusal(429, {"errors": [{"message": limited}]}, {"Retry-After": str(wait)}),
        "429_retry_in_seconds": problems.refusal("RATE_LIMIT_EXCEEDED", limited, status=429, retry_in=wait),
        "429_bare": Refusal(429, {"errors": [{"message": limited}]}),
        "complexity_200": problems.complexity_exhausted(
            "old", 200, cost=6182, left=100, limit=5_000_000, retry_in=wait
        ),
        "complexity_429": problems.complexity_exhausted(
            "new", 429, cost=6182, left=100, limit=5_000_000, retry_in=wait
        ),
        "daily_limit": problems.daily_limit(wait),
        "concurrency": problems.too_many_at_once(wait),
        "ip_limit": problems.ip_limited(wait),
        "5xx": Refusal(fault.status, dict(problems.LEGACY_INTERNAL)),
        "internal_error_200": Refusal(200, problems.internal_error()),
        "unauthorized_401": problems.NOT_AUTHENTICATED,
    }
    if fault.kind == "errors_200":
        return errors_200(fault)
    return refusals.get(fault.kind)


def errors_200(fault: Fault) -> Refusal | None:
    """An error inside HTTP 200 in one of the recorded shapes; None for `null_board`, which needs the answer's data."""
    code, message = fault.code, fault.message
    place: Record = {"locations": [{"line": 1, "column": 3}], "path": ["boards"]}
    modern: Record = {
        "message": message,
        **place,
        "extensions": {"code": code, "status_code": 200, "error_data": {}, "service": "monolith"},
    }
    older: Record = {
        "message": message,
        "path": [],
        "extensions": {"status_code": 500, "error_code": code, "service": "monolith"},
    }
    other: Record = {**modern, "message": "Board not found", "path": ["boards", 0]}
    bodies: dict[str, Record] = {
        "code": {"data": {"boards": None}, "errors": [modern]},
        "error_code": {"data": None, "errors": [older]},
        "strings": {"errors": [message]},
        "legacy": {
            "error_message": message,
            "error_code": code,
            "error_data": {},
            "status_code": 200,
            "account_id": 9900417,
        },
        "validation": {"errors": [{"message": message, "locations": [{"line": 1, "column": 14}]}]},
        "several": {"data": {"boards": [None]}, "errors": [other, older]},
    }
    body = bodies.get(fault.shape)
    return None if body is None else Refusal(200, body, served=fault.shape != "validation")


def lies_of(fault: Fault | None) -> Lies:
    """What a fault makes the answer get wrong."""
    lies = Lies()
    if fault is None:
        return lies
    lies.drop_items = integer(fault.items) if fault.kind == "partial_page" else 0
    lies.duplicate_item = fault.kind == "duplicate_item"
    lies.null_boards = fault.kind == "errors_200" and fault.shape == "null_board"
    lies.expire_cursors = fault.kind == "cursor_expired"
    return lies
