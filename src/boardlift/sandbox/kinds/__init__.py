"""Every column type by its name in the API."""

from __future__ import annotations

from . import choices, files, links, people, places, texts, times
from .base import Cell, Directory, Kind

KINDS: dict[str, Kind] = {
    kind.type: kind for module in (texts, choices, times, people, places, files, links) for kind in module.KINDS
}

__all__ = ["KINDS", "Cell", "Directory", "Kind"]
