"""The promises of `Destination`, as tests. An engine passes when a subclass with its fixtures passes.

class TestMyEngine(DestinationConformance):
    labels_sql = "SELECT column_name, comment ... WHERE table_name = '{table}'"
    indexes_sql = "SELECT index_name, position, column_name, is_unique ... WHERE table_name = '{table}'"

    @pytest.fixture
    def destination(self): ...      # an open destination with the namespace `monday` on an empty database
    @pytest.fixture
    def second(self): ...           # a function that opens another one on the same database and namespace
    @pytest.fixture
    def beside(self): ...           # a function that opens one on the same server under the namespace it is given
    @pytest.fixture
    def outside(self): ...          # a function that runs SQL there on a connection of its own and returns rows
    @pytest.fixture
    def reader(self): ...           # may be left out: a context manager for another thread that gives such a function

Each part of the suite is a class of its own, for an engine that wants to run one by itself. With BOARDLIFT_WHOLE in the
environment the readers' tests take 200 swaps and 8 readers.
"""

from __future__ import annotations

from boardlift.testing.contents import Beside, Contents
from boardlift.testing.in_place import InPlace
from boardlift.testing.people import People
from boardlift.testing.promotion import Promotion
from boardlift.testing.reading import Reading
from boardlift.testing.replacing import Replacing
from boardlift.testing.samples import Outside, Reader
from boardlift.testing.staging import Staging


class DestinationConformance(Staging, Promotion, People, Replacing, InPlace, Contents, Reading):
    """Subclass, give the fixtures, run pytest."""


__all__ = ["Beside", "DestinationConformance", "Outside", "Reader"]
