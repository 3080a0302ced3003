"""Spans of creation time: each item is taken once, whatever the order of events, and a state never says too much."""

from __future__ import annotations

import random

import msgspec
import pytest

from boardlift.monday.span import MOST_IDS, OrderBroken, Span, iso
from boardlift.spool.manifest import SpanState

START = 1_700_000_000


def item(number: int, at: int) -> msgspec.Raw:
    return msgspec.Raw(b'{"id":"%d","created_at":"%s"}' % (number, iso(START + at).encode()))


def numbers(items: list[msgspec.Raw]) -> list[int]:
    return [int(msgspec.json.decode(each)["id"]) for each in items]


def take(span: Span, *items: msgspec.Raw, ascending: bool = True, previous: str = "") -> list[int]:
    return numbers(span.take(list(items), ascending=ascending, previous=previous)[0])


def test_items_of_the_second_where_a_chain_broke_off_are_taken_once() -> None:
    """A chain that begins again there meets those it has, in another order, and those it lacks."""
    span = Span()
    assert take(span, item(1, 0), item(2, 5), item(3, 5)) == [1, 2, 3]
    assert take(span, item(4, 5), item(3, 5), item(2, 5), item(5, 6)) == [4, 5]
    assert take(span, item(4, 5), item(6, 6), item(5, 6)) == [6]


def test_what_lies_outside_is_cut_off() -> None:
    """A filter that is off by a margin gives what the neighbours take."""
    span = Span(iso(START + 10), iso(START + 20))
    assert take(span, item(1, 9), item(2, 10), item(3, 19), item(4, 20)) == [2, 3]
    assert span.done


def test_a_cut_while_a_page_is_under_way() -> None:
    """What was asked for before the cut belongs to who takes it first, and that is decided by time alone."""
    span = Span()
    take(span, item(1, 0), item(2, 1))
    upper = span.cut(iso(START + 3))
    page = [item(3, 2), item(4, 3), item(5, 4)]
    assert take(span, *page) == [3]
    assert take(upper, *page) == [4, 5]
    assert (span.done, upper.done) == (True, False)


@pytest.mark.parametrize("seed", range(30))
def test_readers_from_both_ends_with_cuts_and_new_beginnings(seed: int) -> None:
    """Many items a second, cuts and restarts at random: every item once, and in the end all spans are done."""
    rng = random.Random(seed)
    items = sorted(((rng.randrange(12), number) for number in range(60)), key=lambda pair: pair[0])
    spans, taken = [Span()], []

    def read(span: Span, ascending: bool) -> None:
        """Some pages of a chain over the whole board, as without a filter."""
        chain = [item(number, at) for at, number in items]
        rng.shuffle(chain)  # within a second, monday promises no order
        chain.sort(key=lambda raw: msgspec.json.decode(raw)["created_at"], reverse=not ascending)
        previous = ""
        for start in range(0, 60, 7):
            if rng.random() < 0.1:
                return
            if span.done or (not ascending and span.crowded):
                return
            kept, previous = span.take(chain[start : start + 7], ascending=ascending, previous=previous)
            taken.extend(numbers(kept))
        span.done = True

    for _ in range(200):
        span = rng.choice(spans)
        read(span, ascending=rng.random() < 0.6)
        first, last = span.untaken(iso(START + 12))
        if not span.done and span.low.at and last - first > 1:
            spans.insert(spans.index(span) + 1, span.cut(iso(rng.randrange(first + 1, last))))
    for span in spans:
        while not span.done:
            read(span, ascending=True)
    assert sorted(taken) == list(range(60))


@pytest.mark.parametrize(
    ("page", "previous"),
    [([item(1, 5), item(2, 4)], ""), ([item(1, 5)], iso(START + 6)), ([msgspec.Raw(b'{"id":"1"}')], "")],
)
def test_an_order_that_is_not_kept_is_refused(page: list[msgspec.Raw], previous: str) -> None:
    """Within a page, from page to page, or when no time is told."""
    with pytest.raises(OrderBroken):
        Span().take(page, ascending=True, previous=previous)


def test_a_span_is_not_told_done_before_what_was_taken_is_sealed() -> None:
    """Another thread may write the manifest between a last page and its window; then a kill must lose nothing."""
    span = Span(until=iso(START + 10))
    take(span, item(1, 0), item(2, 10))
    assert span.done
    assert span.state() == SpanState(until=iso(START + 10))
    span.sealed(ascending=True)
    assert span.state().done


def test_a_span_is_not_told_done_while_the_other_end_is_unsealed() -> None:
    """One reader seals its last page; what the other took lies still in its hands."""
    span = Span()
    take(span, item(9, 9), item(8, 8), ascending=False)
    take(span, item(1, 0), item(8, 8), item(9, 9))
    assert span.done
    span.sealed(ascending=True)
    assert not span.state().done
    span.sealed(ascending=False)
    assert span.state().done


def test_the_state_of_an_earlier_run_is_not_changed_by_going_on() -> None:
    """It stands in the manifest, which may be written before the first window is sealed."""
    state = SpanState(low=iso(START), low_ids=[1], high=iso(START + 9), high_ids=[9])
    before = msgspec.json.encode(state)
    span = Span.of(state)
    span.cut(iso(START + 5))
    take(span, item(2, 1))
    span.sealed(ascending=True)
    assert msgspec.json.encode(state) == before


def test_a_state_goes_on_where_it_was() -> None:
    """What one run sealed is not taken by the next, and nothing between is left out."""
    span = Span()
    take(span, item(1, 0), item(2, 3))
    take(span, item(9, 9), item(8, 8), ascending=False)
    span.sealed(ascending=True)
    span.sealed(ascending=False)
    again = Span.of(span.state())
    assert take(again, item(2, 3), item(3, 3), item(4, 5), item(7, 8), item(8, 8), item(9, 9)) == [3, 4, 7]
    assert again.has_taken(item(5, 4))
    assert again.done


def test_a_second_with_very_many_items_is_not_written_down() -> None:
    """Its ids would be written anew with every window; what comes after it can be gone on with again."""
    span = Span()
    for start in range(0, MOST_IDS + 500, 500):
        take(span, *(item(number, 0) for number in range(start, start + 500)))
        span.sealed(ascending=True)
    assert span.overcrowded
    assert not span.state().done
    take(span, item(99_999, 1))
    span.sealed(ascending=True)
    assert not span.overcrowded
    assert span.state() == SpanState(low=iso(START + 1), low_ids=[99_999])
