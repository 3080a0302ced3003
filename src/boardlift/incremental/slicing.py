"""Whether the changes of a board are read in slices beside each other, and where they are cut."""

from __future__ import annotations

from boardlift.incremental.changes import Changes, most_of
from boardlift.incremental.tools import Tools
from boardlift.monday.delta import SPARE
from boardlift.monday.slices import Slice, sliced
from boardlift.monday.span import iso


def slices_of(changes: Changes, tools: Tools, most: int) -> list[Slice]:
    """At most so many slices of a board of which nothing has been read, and as many as one chain would take calls;
    none where one chain is as good, or where it is not known that monday takes such a question.

    The generation before is asked when the items that the log names were made.
    """
    glance = changes.glance
    form = tools.dialect.of_instants
    wanted = changes.named - glance.taken_away
    pieces = min(most, -(-(len(wanted) + SPARE) // tools.manner.page_size))
    if form is None or pieces < 2 or not glance.complete or tools.manner.prefer == "calls":
        return []
    if len(wanted) > most_of(changes.resume.live.rows):
        return []  # all of it will be read
    changes.look_at(tools, changes.named)
    rows = [row for item in wanted if (row := changes.known[item]) is not None]
    made = [iso(int(row.created_at.timestamp())) for row in rows if row.created_at is not None]
    return sliced(form, made, len(wanted) - len(made), pieces)
