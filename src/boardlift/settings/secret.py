"""Texts that must not be shown: the token, and the password in a URL."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


class Secret:
    """A string that never shows itself: not in repr, str, a log record or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('****')"

    __str__ = __repr__


def password_of(url: str) -> Secret:
    """The password in a URL; empty without one."""
    try:
        return Secret(urlsplit(url).password or "")
    except ValueError:
        return Secret("")


def without_password(url: str) -> str:
    """A URL fit to be shown: the password, if any, is gone."""
    try:
        parts = urlsplit(url)
        if parts.password is None:
            return url
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:****@{host}"))
    except ValueError:
        return "(not a URL)"
