"""SQL composed from parts, so that outside text can only ever become an identifier or a literal.

Plain text enters a statement through `SQL`, which mypy holds to string constants of this program; everything that
comes from a board, a file or a person enters through `Identifier` or `Literal`, which quote it by the standard:
`"` doubled inside double quotes, `'` doubled inside single quotes. Both DuckDB and PostgreSQL (with
`standard_conforming_strings`, the default since 9.1) read them so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString


class Composable:
    """A piece of SQL whose text is safe to send."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Composable) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __add__(self, other: Composable) -> Composable:
        return Composable(self._text + other._text)


class SQL(Composable):
    """A constant fragment with `{}` or `{name}` places for other pieces."""

    __slots__ = ()

    def __init__(self, text: LiteralString) -> None:
        super().__init__(text)

    def format(self, *args: Composable, **kwargs: Composable) -> Composable:
        """Fill the places. Only composables are taken, so nothing unquoted can slip in."""
        for piece in (*args, *kwargs.values()):
            if not isinstance(piece, Composable):
                raise TypeError(f"only composed SQL can be put into SQL, not {type(piece).__name__}")
        return Composable(self._text.format(*args, **kwargs))

    def join(self, pieces: Iterable[Composable]) -> Composable:
        return Composable(self._text.join(piece.text for piece in pieces))


class Identifier(Composable):
    """A quoted name, or a dotted path of them: `Identifier("monday", "planning")`."""

    __slots__ = ()

    def __init__(self, *parts: str) -> None:
        for part in parts:
            if not part or "\0" in part:
                raise ValueError(f"not usable as an SQL name: {part!r}")
        super().__init__(".".join('"' + part.replace('"', '""') + '"' for part in parts))


class Literal(Composable):
    """A quoted string or a plain whole number, NULL for None. U+0000 cannot be written in SQL and is refused."""

    __slots__ = ()

    def __init__(self, value: str | int | None) -> None:
        if value is None:
            super().__init__("NULL")
        elif isinstance(value, int):
            super().__init__(str(int(value)))
        else:
            if "\0" in value:
                raise ValueError("U+0000 cannot be part of an SQL literal")
            super().__init__("'" + value.replace("'", "''") + "'")


COMMA = SQL(", ")
