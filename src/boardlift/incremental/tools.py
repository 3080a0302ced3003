"""What reading by changes works with."""

from __future__ import annotations

from dataclasses import dataclass

from boardlift.clock import Clock
from boardlift.destinations.interface import Destination
from boardlift.monday.client import MondayClient
from boardlift.monday.dialect import Dialect
from boardlift.monday.parallel import Manner
from boardlift.progress import Progress
from boardlift.spool.run import SpoolRun


@dataclass(frozen=True)
class Tools:
    """The parts of a run that are needed here, and how much is asked at once."""

    client: MondayClient
    destination: Destination
    spool: SpoolRun
    clock: Clock
    progress: Progress
    manner: Manner
    dialect: Dialect
