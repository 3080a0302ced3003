"""The gate's checks. A new one is one function and one entry here."""

from __future__ import annotations

from boardlift.load.checks import counts, keys, mass_delete, volume
from boardlift.load.checks.interface import Check

CHECKS: dict[str, Check] = {
    "count": counts.reconciled,
    "landed": counts.appended,
    "key_not_null": keys.not_null,
    "key_unique": keys.unique,
    "not_empty": volume.not_empty,
    "not_shrunken": volume.not_shrunken,
    "mass_delete": mass_delete.braked,
}
"""By the name a person overrides it with: `--override not_shrunken --reason "..."`."""
