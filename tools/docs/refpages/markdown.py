"""Markdown from values."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

GENERATED = "<!-- Generated from the code by scripts/docs; change the code, not this page. -->"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}", GENERATED, *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table; cells are escaped."""
    lines = [head, ["---"] * len(head), *([cell(each) for each in row] for row in rows)]
    return "\n".join("|" + "".join(f" {each} |" if each else " |" for each in line) for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Inline code; a backtick inside asks for two outside."""
    plain = str(text)
    if not plain:
        return ""
    return f"`` {plain} ``" if "`" in plain else f"`{plain}`"


def doc(thing: object) -> str:
    """A docstring as one paragraph, without what follows its first blank line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def capital(text: str) -> str:
    """A sentence's beginning; the two names that are written small stay so."""
    return text if text.startswith(("boardlift", "monday", "`")) else text[:1].upper() + text[1:]
