"""Folders and files only their owner may read, written so that a crash leaves no half file under a real name."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from boardlift.errors import BoardliftError, ConfigError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def private_folder(folder: Path) -> Path:
    """Make the folder and those above it; where the system has modes, the folder is its owner's alone."""
    with explained(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def open_private(path: Path) -> BinaryIO:
    """A new or emptied file for writing that only its owner may read."""
    with explained(path):
        return open(path, "wb", opener=_owner_only)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def replace_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a whole file or leave the old one. `durable` also waits until the disk has it."""
    draft = path.with_name(path.name + ".partial")
    with explained(path):
        with open_private(draft) as out:
            out.write(content)
            if durable:
                out.flush()
                os.fsync(out.fileno())
        draft.replace(path)


def verify_file(path: Path, sha256: str) -> None:
    """Hash a file anew. Raises BoardliftError when it is not what was sealed."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        found = "no file"
    if found != sha256:
        raise BoardliftError(
            f"The spool file {path} is not what was sealed: its hash is {found[:16]}, the manifest says "
            f"{sha256[:16]}. Production was not changed.",
            hint="discard this run's spool and read the boards again; check the disk",
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's error about `path` into one that says what to do. Raises BoardliftError or ConfigError."""
    try:
        yield
    except OSError as error:
        raise _explain(error, path) from error


def _explain(error: OSError, path: Path) -> BoardliftError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return BoardliftError(
            f"There is no room left to keep what was read: {reason} ({path.parent}). Production was not changed.",
            hint="free some space, or point `state` in boardlift.yaml at a larger disk",
        )
    if error.errno in _FORBIDDEN:
        return ConfigError(
            f"boardlift may not write to {path.parent}: {reason}.",
            hint="change the folder's rights, or set `state` in boardlift.yaml to a folder of your own",
        )
    return BoardliftError(f"The spool file {path} could not be used: {reason}.", hint="check the disk, then run again")
