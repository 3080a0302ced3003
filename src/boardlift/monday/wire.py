"""The protocol without a network: a request to bytes; status, headers and body to an Answer or the right error.

The API answers most refusals with HTTP 200 and `errors`, often beside partial data (API page "Error handling"), and the
form of `errors` has changed every year. All of that is read here, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

import msgspec

from boardlift.errors import (
    ApiError,
    AuthRejected,
    BudgetExhausted,
    ConfigError,
    DailyLimitReached,
    QueryRejected,
    SourceError,
    SourceUnavailable,
)
from boardlift.monday.codes import ERROR_CODES, TOO_COMPLEX, CodeRule, gravest, is_too_complex, rule_of, sentence
from boardlift.monday.limits import (
    Complexity,
    Quota,
    answered_at,
    longest,
    read_quotas,
    retry_after,
    seconds,
    spent_until,
    wait_in_text,
)

__all__ = ["ERROR_CODES", "Answer", "Complexity", "Quota", "Request", "encode", "is_too_complex", "read_response"]

_MESSAGE_LIMIT = 600
# Escapes one after the other, so that an escaped backslash before a `u` is not taken for one: pairs, halves, others.
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.DOTALL
)
_ERRORS_LIMIT = 50


@dataclass(frozen=True)
class Request:
    """One operation. `label` is the account its cost is booked on, a board's id as a rule; it is not sent.

    `points` is what it costs at most, as far as that can be told beforehand; `at_most` the number of objects a page is
    asked to hold, 0 for what is no page. Both are for the budget alone.
    """

    operation: str
    query: str
    variables: Mapping[str, object] = field(default_factory=dict)
    label: str = ""
    points: int = 100
    at_most: int = 0


@dataclass(frozen=True)
class Answer:
    """A usable answer. `data` holds each field asked for as raw JSON; `errors` are those that left the rest intact."""

    body: bytes = field(repr=False)
    data: Mapping[str, msgspec.Raw] = field(repr=False)
    errors: tuple[ApiError, ...] = ()
    complexity: Complexity | None = None
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    request_id: str = ""
    served_version: str = ""
    answered_at: datetime | None = None


class _Envelope(msgspec.Struct):
    data: dict[str, msgspec.Raw] | None = None
    errors: msgspec.Raw = msgspec.Raw(b"null")
    error_message: msgspec.Raw = msgspec.Raw(b"null")
    error_code: msgspec.Raw = msgspec.Raw(b"null")
    error_data: msgspec.Raw = msgspec.Raw(b"null")
    status_code: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_COMPLEXITY = msgspec.json.Decoder(Complexity)


def encode(request: Request) -> bytes:
    """The body of the POST. `variables` is an object; as a string it is deprecated since 2025-04 (release notes)."""
    return msgspec.json.encode({"query": request.query, "variables": dict(request.variables)})


def read_response(status: int, headers: Mapping[str, str], body: bytes, pinned_version: str) -> Answer:
    """Read what came back.

    in: the HTTP status, the headers (names in any case), the decompressed body, and the version every answer must be
    of (empty: any). out: an Answer, perhaps with errors that concern single objects. raised: the error of
    `boardlift.errors` that tells what can be done; its `retry_in` is the longest wait the answer asks for.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    envelope = _open(status, lower, body)
    errors = _all_errors(envelope)
    quotas = read_quotas(lower)
    ruled = [(error, rule_of(error, _status_of(envelope, status))) for error in errors]
    data = envelope.data or {}
    served = lower.get("api-version", "")
    _check_version(served, pinned_version, ruled)
    if any(rule.spoils for _, rule in ruled) or _field_lost(data, errors) or not data or status >= 400:
        _refuse(status, lower, ruled, quotas)
    return Answer(
        body=body,
        data=data,
        errors=errors,
        complexity=_complexity(data),
        quotas=quotas,
        request_id=lower.get("x-request-id", ""),
        served_version=served,
        answered_at=answered_at(lower),
    )


def _open(status: int, headers: Mapping[str, str], body: bytes) -> _Envelope:
    """The envelope of the body; raises by the HTTP status when the body is not one."""
    try:
        try:
            return _ENVELOPE.decode(body)
        except msgspec.DecodeError:
            mended = mend_surrogates(body)
            if mended == body:
                raise
            return _ENVELOPE.decode(mended)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = _what_is(body, headers, error)
    except RecursionError:
        problem = "JSON nested deeper than any answer of the API"
    try:
        loose: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        loose = None
    if isinstance(loose, dict) and loose.keys() & {"errors", "error_message", "error_code"}:
        loose.pop("data", None)
        return _ENVELOPE.decode(msgspec.json.encode(loose))
    raise _unreadable(status, headers, problem)


def mend_surrogates(body: bytes) -> bytes:
    """U+FFFD for every half of a surrogate pair that stands alone.

    JavaScript servers cut strings in the middle of a pair and write the half as an escape; no JSON reader takes it.
    """
    return _ESCAPES.sub(lambda escape: rb"\ufffd" if len(escape[0]) == 6 else escape[0], body)


def _what_is(body: bytes, headers: Mapping[str, str], error: Exception) -> str:
    start = body[:200].lstrip().lower()
    if not body.strip():
        return "an empty body"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")) or "html" in headers.get("content-type", ""):
        return "an HTML page instead of JSON"
    return f"a body that is not the API's JSON ({error}; {len(body)} bytes)"


def _unreadable(status: int, headers: Mapping[str, str], problem: str) -> SourceError | ConfigError:
    """The error for an answer whose body tells nothing, by its HTTP status alone."""
    said = f"monday.com answered HTTP {status} with {problem}"
    wait = retry_after(headers)
    error: SourceError | ConfigError = QueryRejected(f"{said}.", hint="run `boardlift doctor`")
    if status in {401, 403}:
        error = AuthRejected(
            f"{said}: the call is not allowed, or not from here.",
            hint="an address rule, a firewall or a proxy may be in between, or the token is wrong: `boardlift doctor`",
        )
    elif status == 407 or 300 <= status < 400 or status in {404, 405, 410}:
        error = ConfigError(
            f"{said}: this address is not the API's.",
            hint="check `account.url` in boardlift.yaml and the HTTPS_PROXY variable",
        )
    elif status == 429:
        wait = longest((wait, spent_until(read_quotas(headers))))
        error = BudgetExhausted(f"{said}: too many calls.", hint="boardlift waits by itself", retry_in=wait)
    elif status >= 500 or status in {200, 408, 425}:
        hint = "try again; status.monday.com tells about outages"
        error = SourceUnavailable(f"{said}.", hint=hint, retry_in=wait)
    return error


def _all_errors(envelope: _Envelope) -> tuple[ApiError, ...]:
    """Every error of an answer, of any of the API's shapes, each told once."""
    listed = _loose(envelope.errors)
    members = listed if isinstance(listed, list) else [listed] if listed else []
    found = [_member(member) for member in members[:_ERRORS_LIMIT]]
    if len(members) > _ERRORS_LIMIT:
        found.append(ApiError(f"and {len(members) - _ERRORS_LIMIT} more errors"))
    code, message = _loose(envelope.error_code), _loose(envelope.error_message)
    if code or message:
        top: dict[object, object] = {
            "message": message or code,
            "extensions": {"code": code, "error_data": _loose(envelope.error_data)},
        }
        error = _member(top)
        if not any(error.message == known.message and known.code in {"", error.code} for known in found):
            found.append(error)
        else:
            found = [error if known.message == error.message and not known.code else known for known in found]
    return tuple(found)


def _loose(raw: msgspec.Raw) -> object:
    try:
        value: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "unreadable error"
    return value


def _member(member: object) -> ApiError:
    """One member of `errors`: an object, or a mere string as in answers of 2024."""
    if not isinstance(member, dict):
        message = member if isinstance(member, str) else "unknown error"
        return ApiError(message[:_MESSAGE_LIMIT], retry_in=wait_in_text(message))
    message = str(member.get("message") or member.get("error_message") or "no message")[:_MESSAGE_LIMIT]
    extensions = _mapping(member.get("extensions"))
    data = _mapping(extensions.get("error_data"))
    places = (extensions.get("code"), extensions.get("error_code"), member.get("error_code"), member.get("code"))
    code = next((place for place in places if place), "")
    if "maxComplexity" in extensions or "maxComplexity" in data:
        code = TOO_COMPLEX
    told = (extensions.get("retry_in_seconds"), data.get("retry_in_seconds"), member.get("retry_in_seconds"))
    path = member.get("path")
    return ApiError(
        message=message,
        code=str(code)[:100],
        path=".".join(str(step) for step in path) if isinstance(path, list) else "",
        retry_in=longest((*map(seconds, told), wait_in_text(message))),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _status_of(envelope: _Envelope, status: int) -> int:
    told = _loose(envelope.status_code)
    return told if status < 400 and isinstance(told, int) and told >= 400 else status


def _field_lost(data: Mapping[str, msgspec.Raw], errors: Sequence[ApiError]) -> bool:
    """Whether a field asked for came back null because of an error, so that the answer is no answer."""
    null = {name for name, value in data.items() if bytes(memoryview(value)[:5]) == b"null" and name != "complexity"}
    if not null or not errors:
        return False
    blamed = {error.path.partition(".")[0] for error in errors}
    return bool(null & blamed) or "" in blamed


def _refuse(
    status: int, headers: Mapping[str, str], ruled: Sequence[tuple[ApiError, CodeRule]], quotas: Mapping[str, Quota]
) -> NoReturn:
    errors = tuple(error for error, _ in ruled)
    if not errors:
        raise _unreadable(status, headers, "neither data nor errors")
    gravest_error, rule = gravest(ruled)
    wait = longest((retry_after(headers), *(error.retry_in for error in errors)))
    if wait is None and (status == 429 or rule.error is BudgetExhausted):
        wait = spent_until(quotas)
    wait = rule.pause if wait is None else wait
    message = f"monday.com refused: {sentence(errors)} ({rule.meaning})."
    if rule.error is BudgetExhausted:
        raise BudgetExhausted(message, rule.hint, retry_in=wait, code=gravest_error.code)
    if rule.error is SourceUnavailable:
        raise SourceUnavailable(message, rule.hint, retry_in=wait)
    if rule.error is QueryRejected:
        raise QueryRejected(message, rule.hint, all_errors=errors)
    raise rule.error(message, rule.hint)


def _check_version(served: str, pinned: str, ruled: Sequence[tuple[ApiError, CodeRule]]) -> None:
    """A version no longer maintained is served silently by another one (API page "Versioning").

    Refusals that concern the caller or the moment are told as such; answers of the router and 401s carry no version.
    """
    if not served or not pinned or served == pinned:
        return
    if any(rule.error in {AuthRejected, BudgetExhausted, DailyLimitReached, SourceUnavailable} for _, rule in ruled):
        return
    also = f" It also said: {sentence([error for error, _ in ruled])}." if ruled else ""
    raise SourceError(
        f"monday.com answered in API version {served} although {pinned} was asked for.{also}",
        hint="that version is no longer, or not yet, served: set `account.api_version` to one that is",
    )


def _complexity(data: Mapping[str, msgspec.Raw]) -> Complexity | None:
    if "complexity" not in data:
        return None
    try:
        return _COMPLEXITY.decode(data["complexity"])
    except msgspec.DecodeError:
        return None
