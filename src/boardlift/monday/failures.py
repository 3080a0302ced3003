"""Failed calls as errors of ours: what the system said, what to do, and never the token."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace

import httpx

from boardlift.errors import (
    ApiError,
    BoardliftError,
    BudgetExhausted,
    ConfigError,
    QueryRejected,
    SourceUnavailable,
)


class NotReached(SourceUnavailable):
    """No connection to monday.com came about, so the size of what was asked is not to blame."""


def translated(error: Exception, url: str, timeout: float) -> BoardliftError:
    """The failure of a call as an error of ours; says what the system said, and never holds the request."""
    said = str(error) or type(error).__name__
    return _hopeless(error, url, said) or _passing(error, _host(url), said, timeout)


def _hopeless(error: Exception, url: str, said: str) -> ConfigError | None:
    """The failures that no repetition mends, None for all others."""
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return ConfigError(
            f"The certificate of {_host(url)} is not trusted: {said}.",
            hint="behind an inspecting proxy, point SSL_CERT_FILE at your company's certificate bundle",
        )
    if isinstance(error, httpx.ProxyError):
        return ConfigError(
            f"The proxy refused the connection to {_host(url)}: {said}.", hint="check HTTPS_PROXY and NO_PROXY"
        )
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return ConfigError(
            f"The address {url!r} cannot be called: {said}.", hint="check `account.url` in boardlift.yaml"
        )
    return None


def _passing(error: Exception, host: str, said: str, timeout: float) -> SourceUnavailable:
    if any(isinstance(cause, socket.gaierror) for cause in _causes(error)):
        return NotReached(
            f"The name {host} could not be resolved: {said}.",
            hint="check the network, `account.url`, and HTTPS_PROXY if you are behind a proxy",
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError | httpx.PoolTimeout):
        return NotReached(
            f"{host} could not be reached: {said}.",
            hint="check the network, and HTTPS_PROXY if you are behind a proxy",
        )
    if isinstance(error, httpx.TimeoutException):
        return SourceUnavailable(
            f"{host} did not answer within {timeout:g} seconds ({said}).",
            hint="set a smaller `page_size` or a longer `timeout` in boardlift.yaml",
        )
    return SourceUnavailable(f"The connection to {host} broke: {said}.", hint="run the command again")


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _host(url: str) -> str:
    """The host, with the port where it is not the usual one."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return url
    if not parsed.host:
        return url
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return host if parsed.port is None else f"{host}:{parsed.port}"


def given_up(
    error: BudgetExhausted | SourceUnavailable, tried: int, waited: float, wait: float, max_wait: float
) -> BoardliftError:
    """The last failure, with how often it was `tried` and how many seconds were waited."""
    if waited + wait > max_wait:
        error.message = f"{error.message} Waited {waited:.0f} s already and was told {wait:.0f} s more; gave up."
    elif tried > 1:
        error.message = f"{error.message} Tried {tried} times."
    error.args = (error.message,)
    return error


def redact(error: BoardliftError, token: str) -> None:
    """A proxy or a debug answer may echo the headers; the token must not travel on in an error's text."""
    if token in error.message or token in error.hint:
        error.message = error.message.replace(token, "****")
        error.hint = error.hint.replace(token, "****")
        error.args = (error.message,)
    if isinstance(error, QueryRejected):
        error.all_errors = tuple(_clean(each, token) for each in error.all_errors)


def _clean(error: ApiError, token: str) -> ApiError:
    return replace(error, message=error.message.replace(token, "****"), path=error.path.replace(token, "****"))
