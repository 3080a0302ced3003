"""A sum over item ids that two sides can compare without sending the ids: equal sets give equal sums.

Order does not matter. Each id is mixed first, for plain sums agree too easily: {4, 7} and {5, 6}. The mix is a cube
modulo a prime, because that can be said in every SQL dialect with 64-bit integers and never overflows: each term is
below 2^31, so billions of items fit.
"""

from __future__ import annotations

from boardlift.errors import SourceError

PRIME = 2_147_483_647
_STRIDE = 7919


def mix(item_id: int) -> int:
    """The term of one id: (x³ + 7919 y) mod p, where x and y are remainder and quotient of the id by p."""
    quotient, rest = divmod(item_id, PRIME)
    return (rest * rest % PRIME * rest % PRIME + _STRIDE * (quotient % PRIME) % PRIME) % PRIME


def id_sum_sql(column: str) -> str:
    """The same sum as a SQL expression over `column`, a quoted BIGINT column.

    Integer division is spelled differently everywhere; what is divided here is a multiple of p, thus exact in any type.
    """
    rest = f"({column} % {PRIME})"
    cube = f"((({rest} * {rest}) % {PRIME}) * {rest}) % {PRIME}"
    quotient = f"CAST(({column} - {rest}) * 1.0 / {PRIME} AS BIGINT)"
    return f"SUM(({cube} + ({_STRIDE} * ({quotient} % {PRIME})) % {PRIME}) % {PRIME})"


def number(item_id: bytes) -> int:
    """An item id as a number. Raises SourceError: monday's ids are decimal numbers, and our tables' keys are too."""
    if not item_id.isdigit() or len(item_id) > 18:
        raise SourceError(
            f"monday.com gave an item id that is no 64-bit number: {item_id[:60].decode(errors='replace')!r}.",
            hint="boardlift keys rows by the number; please report this answer",
        )
    return int(item_id)
