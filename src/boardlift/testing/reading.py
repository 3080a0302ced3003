"""Promises of a destination to readers: they never fail, and never see two generations at once."""

from __future__ import annotations

import os
import threading

import pytest

from boardlift.destinations.interface import Destination, Replace
from boardlift.testing.basis import Basis
from boardlift.testing.samples import ITEMS, Reader, put

SWAPS = 200 if os.environ.get("BOARDLIFT_WHOLE") else 12
READERS = 8 if os.environ.get("BOARDLIFT_WHOLE") else 2
ROWS = 300


class Reading(Basis):
    """Readers that ask all the time while tables are replaced."""

    @pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
    def test_readers_never_fail_and_see_one_generation(
        self, ready: Destination, reader: Reader, replace: Replace
    ) -> None:
        """Before, while and after: all rows of one generation, and as many as there are."""
        if replace is Replace.IN_PLACE and not ready.capabilities.in_place:
            pytest.skip("this engine only swaps")
        numbers = range(1, SWAPS + 2)
        self._promote(ready, 1, replace)
        ask = f"SELECT count(*), min(name), max(name) FROM {ready.address('planning')}"
        seen: list[tuple[object, ...]] = []
        failures: list[BaseException] = []
        done = threading.Event()

        def read() -> None:
            try:
                with reader() as question:
                    while not done.is_set():
                        seen.extend(question(ask))
            except BaseException as error:  # noqa: BLE001  it is told to the test
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        try:
            for number in numbers[1:]:
                self._promote(ready, number, replace)
                ready.retain("1", 2)
            ready.rollback("back", [("1", numbers[-2])])
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert failures == []
        assert seen
        assert set(seen) <= {(ROWS, f"g{number}", f"g{number}") for number in numbers}

    def _promote(self, destination: Destination, number: int, replace: Replace) -> None:
        rows = f"SELECT range, 'g{number}' FROM range({ROWS})"
        destination.promote("run", [put(destination, "1", number, [(ITEMS, rows)], replace)])
