"""One chain of pages on its way through a span of a board's creation times."""

from __future__ import annotations

from dataclasses import dataclass

from boardlift.monday.chain import Chain
from boardlift.monday.dialect import RangeForm
from boardlift.monday.span import Span, seconds


@dataclass
class Part:
    """One chain over one span, in the hands of one thread. `previous` is the creation time its last page ended with,
    `asked` the bound of its `form` where it begins; `restarts` are those since it last brought something new."""

    span: Span
    ascending: bool
    attempt: int
    chain: Chain
    form: RangeForm | None = None
    asked: str = ""
    previous: str = ""
    restarts: int = 0

    @property
    def unfiltered(self) -> bool:
        """Whether the latest page lies so far before what was asked for that the form is not heeded."""
        if self.form is None or not (self.asked and self.previous):
            return False
        ahead = seconds(self.asked) - seconds(self.previous)
        return (ahead if self.ascending else -ahead) > self.form.margin
