"""Texts that a test compares with a file beside it; BOARDLIFT_WRITE_SNAPSHOTS=1 writes the files anew."""

from __future__ import annotations

import os
from pathlib import Path


def same_as(path: Path, text: str) -> bool:
    """Whether the file says this. Shown by pytest as the difference of `path.read_text()` and the text."""
    if os.environ.get("BOARDLIFT_WRITE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
    return True
