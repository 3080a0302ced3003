"""A few calls at a time, in threads that keep no program from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
_LOOK_AGAIN = 1.0
"""A wait without an end cannot be interrupted on Windows."""


def _taken(results: queue.SimpleQueue[T | BaseException] | queue.Queue[T | BaseException]) -> T:
    """The next result, waited for. An error among them is raised here."""
    while True:
        try:
            result = results.get(timeout=_LOOK_AGAIN)
        except queue.Empty:
            continue
        if isinstance(result, BaseException):
            raise result
        return result


def in_threads(work: Callable[[A], B], tasks: Sequence[A], most: int) -> list[B]:
    """The result of each task, in order, with up to `most` at once. The first error is raised here at once; the other
    threads begin no further task and are not waited for."""
    if len(tasks) < 2 or most < 2:
        return [work(task) for task in tasks]
    waiting: queue.SimpleQueue[tuple[int, A]] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, B] | BaseException] = queue.SimpleQueue()
    stop = threading.Event()
    for numbered in enumerate(tasks):
        waiting.put(numbered)

    def run() -> None:
        while not stop.is_set():
            try:
                number, task = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((number, work(task)))
            except BaseException as error:  # noqa: BLE001  carried to the thread that waits, and raised there
                done.put(error)
                return

    for each in range(min(most, len(tasks))):
        threading.Thread(target=run, name=f"caller-{each}", daemon=True).start()
    results: dict[int, B] = {}
    try:
        while len(results) < len(tasks):
            number, result = _taken(done)
            results[number] = result
    finally:
        stop.set()
    return [results[number] for number in range(len(tasks))]


def beside(work: Callable[[], A]) -> Callable[[], A]:
    """Begin a task in a thread of its own. out: a function that waits for its result, or raises what it raised."""
    done: queue.SimpleQueue[tuple[A] | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(),))
        except BaseException as error:  # noqa: BLE001  carried to the thread that waits, and raised there
            done.put(error)

    threading.Thread(target=run, name="beside", daemon=True).start()

    return lambda: _taken(done)[0]


def merged(sources: Sequence[Iterator[A]]) -> Generator[A]:
    """What several sources give, as it comes, each in a thread of its own that is at most one ahead of whoever takes.

    The first error is raised here. Once this is closed, no source is asked for more; what it is at is not waited for.
    """
    if len(sources) == 1:
        yield from sources[0]
        return
    came: queue.Queue[tuple[A] | BaseException | None] = queue.Queue(len(sources))
    stop = threading.Event()

    def put(each: tuple[A] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                came.put(each, timeout=_LOOK_AGAIN)
            except queue.Full:
                continue
            return

    def run(source: Iterator[A]) -> None:
        try:
            for each in source:
                put((each,))
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001  carried to the thread that takes, and raised there
            put(error)

    for number, source in enumerate(sources):
        threading.Thread(target=run, args=(source,), name=f"chain-{number}", daemon=True).start()
    left = len(sources)
    try:
        while left:
            each = _taken(came)
            if each is None:
                left -= 1
            else:
                yield each[0]
    finally:
        stop.set()
