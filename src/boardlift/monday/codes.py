"""What each error code of the API means for a reader: one table, used to decide and printed in the reference.

Sources: the API pages "Error handling" and "Rate limits", and recorded answers of 2024 to 2026. Codes are matched
without regard to case and punctuation, for the API itself is not of one mind (`USER_UNAUTHORIZED`,
`UserUnauthorizedException`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from boardlift.errors import (
    ApiError,
    AuthRejected,
    BudgetExhausted,
    CursorExpired,
    DailyLimitReached,
    PermissionMissing,
    QueryRejected,
    SourceError,
    SourceUnavailable,
)

TOO_COMPLEX = "MAX_COMPLEXITY_EXCEEDED"
"""Our name for the refusal of one query above the limit of one query; it is told by its fields, not by its code."""


@dataclass(frozen=True)
class CodeRule:
    """What one kind of refusal means.

    `pause` is the usual wait in seconds when the answer tells none. `spoils` says that an answer with such an error
    is of no use even if it holds data, because more of it may be missing than the error names.
    """

    codes: tuple[str, ...]
    http: str
    error: type[SourceError]
    meaning: str
    hint: str
    pause: float | None = None
    spoils: bool = False


_WAIT = "boardlift waits by itself; if it keeps happening, lower `parallel_calls` in boardlift.yaml"
_CHECK = (
    "copy it again (monday.com: your avatar > Developers > API token), export MONDAY_API_TOKEN=...,"
    " then `boardlift doctor`"
)
_SEE = "share the board with the token's user, or leave it out of boardlift.yaml"
_REPORT = "run `boardlift doctor`; if the API version is right, please report this with the text above"

ERROR_CODES: tuple[CodeRule, ...] = (
    CodeRule(
        ("NOT_AUTHENTICATED", "USER_NOT_AUTHENTICATED", "Unauthorized", "UNAUTHENTICATED"),
        "401",
        AuthRejected,
        "the token is missing, wrong, revoked, or not allowed from this address",
        _CHECK,
        spoils=True,
    ),
    CodeRule(
        ("DAILY_LIMIT_EXCEEDED", "DailyLimitExceeded"),
        "429",
        DailyLimitReached,
        "the account's calls of today are spent",
        "wait until 00:00 UTC, read fewer boards, or ask for a larger plan",
        spoils=True,
    ),
    CodeRule(
        (TOO_COMPLEX, "QUERY_TOO_COMPLEX", "maxComplexityExceeded"),
        "200 or 4xx",
        QueryRejected,
        "one query is above the complexity limit of a single query",
        "set a smaller `page_size` in boardlift.yaml",
        spoils=True,
    ),
    CodeRule(
        (
            "InvalidVersionException",
            "Parse error",
            "ParseError",
            "JsonParseException",
            "GRAPHQL_PARSE_FAILED",
            "GRAPHQL_VALIDATION_FAILED",
            "BAD_USER_INPUT",
            "undefinedField",
            "argumentLiteralsIncompatible",
            "undefinedArgument",
            "argumentNotAccepted",
            "selectionMismatch",
            "missingRequiredArguments",
        ),
        "200 or 400",
        QueryRejected,
        "the query does not fit the API version: a fault of ours, or a field that is gone",
        _REPORT,
        spoils=True,
    ),
    CodeRule(
        ("COMPLEXITY_BUDGET_EXHAUSTED", "ComplexityException", "ComplexityBudgetExhausted"),
        "429 or 200",
        BudgetExhausted,
        "the complexity budget of this minute is spent",
        _WAIT,
        pause=60,
        spoils=True,
    ),
    CodeRule(
        ("RATE_LIMIT_EXCEEDED", "Rate Limit Exceeded", "MINUTE_LIMIT_EXCEEDED", "MINUTE_RATE_LIMIT_EXCEEDED"),
        "429",
        BudgetExhausted,
        "too many calls in this minute",
        _WAIT,
        pause=30,
        spoils=True,
    ),
    CodeRule(
        ("maxConcurrencyExceeded", "CONCURRENCY_LIMIT_EXCEEDED", "MAX_CONCURRENCY_EXCEEDED"),
        "429",
        BudgetExhausted,
        "too many calls at the same time",
        _WAIT,
        pause=5,
        spoils=True,
    ),
    CodeRule(
        ("FIELD_LIMIT_EXCEEDED",),
        "429",
        BudgetExhausted,
        "too many calls at the same time for one field of the API",
        _WAIT,
        pause=15,
        spoils=True,
    ),
    CodeRule(
        ("IP_RATE_LIMIT_EXCEEDED",),
        "429",
        BudgetExhausted,
        "too many calls from this address",
        _WAIT,
        pause=10,
        spoils=True,
    ),
    CodeRule(
        ("API_TEMPORARILY_BLOCKED",),
        "200",
        SourceUnavailable,
        "the API is blocked for a while: maintenance, or protection against overload",
        "try again later; status.monday.com tells about maintenance",
        pause=60,
        spoils=True,
    ),
    CodeRule(
        (
            "INTERNAL_SERVER_ERROR",
            "InternalServerError",
            "SERVICE_UNAVAILABLE",
            "SUBREQUEST_HTTP_ERROR",
            "GATEWAY_TIMEOUT",
        ),
        "500 or 200",
        SourceUnavailable,
        "monday failed inside; often one board or field, or a page too large",
        "run the command again; if it fails at the same board, leave that board out and tell monday's support",
        spoils=True,
    ),
    CodeRule(
        ("CursorException", "CursorExpiredError", "CURSOR_EXPIRED", "InvalidCursorException"),
        "200",
        CursorExpired,
        "a cursor lives 60 minutes from the first page of its chain",
        "the board is read again from its first page",
        spoils=True,
    ),
    CodeRule(
        ("USER_UNAUTHORIZED", "UserUnauthorizedException", "UserUnathorizedException"),
        "200 or 403",
        PermissionMissing,
        "the token's user has no right to the object, or it does not exist",
        _SEE,
    ),
    CodeRule(
        ("USER_ACCESS_DENIED", "missingRequiredPermissions", "FORBIDDEN_EXCEPTION", "FORBIDDEN", "PERMISSION_DENIED"),
        "403 or 200",
        PermissionMissing,
        "the token lacks a scope, or the plan lacks the feature",
        "give the app the scope named in the message, or use a personal token",
    ),
    CodeRule(
        (
            "InvalidBoardIdException",
            "InvalidColumnIdException",
            "InvalidItemIdException",
            "InvalidUserIdException",
            "ResourceNotFoundException",
            "NOT_FOUND",
        ),
        "200 or 404",
        PermissionMissing,
        "the object is gone",
        "`boardlift boards` lists what the token can see",
    ),
    CodeRule(
        ("InvalidArgumentException",),
        "200",
        QueryRejected,
        "an argument is not accepted: a page limit too large, a subitem board, a board not found",
        _REPORT,
    ),
    CodeRule(
        (
            "RecordInvalidException",
            "ColumnValueException",
            "ItemsLimitationException",
            "ItemNameTooLongException",
            "IDEMPOTENCY_CONFLICT",
            "DATA_VALIDATIONS_ERROR",
            "ResourceLockedException",
        ),
        "200, 409, 422 or 423",
        QueryRejected,
        "only writes are answered so; boardlift never writes to monday",
        _REPORT,
    ),
)

UNKNOWN = CodeRule((), "any", QueryRejected, "a code boardlift does not know", _REPORT)

# For members of `errors` without a code: strings, and shapes of 2024 and before.
_BY_TEXT: tuple[tuple[str, str], ...] = (
    (r"not authenticated|ip is restricted", "NOT_AUTHENTICATED"),
    (r"daily (call )?limit", "DAILY_LIMIT_EXCEEDED"),
    (r"complexity budget exhausted|reset in \d+ seconds", "COMPLEXITY_BUDGET_EXHAUSTED"),
    (r"concurrency limit exceeded", "maxConcurrencyExceeded"),
    (r"minute limit rate exceeded|rate limit exceeded|too many requests", "RATE_LIMIT_EXCEEDED"),
    (r"cursor\w*\W.*expired|cursorexpired", "CursorException"),
    (r"internal server error|service unavailable|gateway time", "INTERNAL_SERVER_ERROR"),
    (r"unauthori[sz]ed|not authori[sz]ed", "USER_UNAUTHORIZED"),
)


def _plain(code: str) -> str:
    return re.sub(r"[\W_]+", "", code).casefold()


_BY_CODE = {_plain(code): rule for rule in ERROR_CODES for code in rule.codes}
_RANK = {id(rule): rank for rank, rule in enumerate((*ERROR_CODES[:4], UNKNOWN, *ERROR_CODES[4:]))}


def rule_of(error: ApiError, status: int = 200) -> CodeRule:
    """The meaning of one error: by its code, else by its text, else by the HTTP status. UNKNOWN when none tells."""
    if error.code and (rule := _BY_CODE.get(_plain(error.code))):
        return rule
    text = error.message.casefold()
    for pattern, code in _BY_TEXT:
        if re.search(pattern, text):
            return _BY_CODE[_plain(code)]
    return _by_status(status)


def _by_status(status: int) -> CodeRule:
    if status == 401:
        return _BY_CODE["notauthenticated"]
    if status == 403:
        return _BY_CODE["useraccessdenied"]
    if status == 404:
        return _BY_CODE["notfound"]
    if status == 429:
        return _BY_CODE["ratelimitexceeded"]
    if status >= 500 or status in {408, 425}:
        return _BY_CODE["internalservererror"]
    return UNKNOWN


def gravest(errors: Iterable[tuple[ApiError, CodeRule]]) -> tuple[ApiError, CodeRule]:
    """The error that decides. Those no repetition can mend come first, then waits, then what concerns one object."""
    return min(errors, key=lambda pair: _RANK[id(pair[1])])


def is_too_complex(error: QueryRejected) -> bool:
    """Whether a smaller page would have been accepted."""
    rule = _BY_CODE[_plain(TOO_COMPLEX)]
    return any(rule_of(each) is rule for each in error.all_errors)


def sentence(errors: Sequence[ApiError]) -> str:
    """All errors of an answer in one line, each once."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    return "; ".join(texts)
