"""The sum over item ids: the same for the same set, in Python and in SQL."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardlift.errors import SourceError
from boardlift.spool.idsum import PRIME, id_sum_sql, mix, number

IDS = st.integers(min_value=1, max_value=2**40)


@given(st.lists(IDS, unique=True, max_size=30))
def test_the_order_of_items_does_not_matter(ids: list[int]) -> None:
    """Pages may come in any order."""
    assert sum(map(mix, ids)) == sum(map(mix, reversed(ids)))


@given(st.sets(IDS, min_size=2, max_size=20), IDS)
def test_another_set_of_the_same_size_is_noticed(ids: set[int], other: int) -> None:
    """One id exchanged for another changes the sum, save for a chance of one in two thousand million."""
    changed = {*list(ids)[1:], other}
    if len(changed) == len(ids) and changed != ids and mix(other) != mix(next(iter(ids))):
        assert sum(map(mix, ids)) != sum(map(mix, changed))


def test_plain_sums_that_agree_are_told_apart() -> None:
    """{4, 7} and {5, 6} have one sum, and so have ids a multiple of the prime apart one remainder."""
    assert mix(4) + mix(7) != mix(5) + mix(6)
    assert mix(18_000_000_001) != mix(18_000_000_001 + PRIME)


def test_sql_gives_the_same_sum() -> None:
    """What was staged can be compared with what was read by one number."""
    ids = [1, 2, PRIME - 1, PRIME, PRIME + 1, 18_273_588_306, 2**40, *range(18_400_000_000, 18_400_002_000, 7)]
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (item_id BIGINT)")
    connection.executemany("INSERT INTO t VALUES (?)", [[each] for each in ids])
    found = connection.execute(f"SELECT {id_sum_sql('item_id')} FROM t").fetchall()[0][0]
    assert int(found) == sum(map(mix, ids))


@pytest.mark.parametrize("text", [b"", b"item_12345", b"-5", b"1.5", "٣".encode(), b"1" * 60])
def test_an_id_that_is_no_whole_number_of_64_bits_is_an_error(text: bytes) -> None:
    """Rows are keyed by it."""
    with pytest.raises(SourceError):
        number(text)
