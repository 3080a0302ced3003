"""Numbers as people say them."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """`1 board`, `12 boards`, `1,200 boards`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
