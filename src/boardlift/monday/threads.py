"""A few calls at a time, in threads that keep no program from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


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
            try:
                outcome = done.get(timeout=1.0)  # a wait without an end cannot be interrupted on Windows
            except queue.Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            results[outcome[0]] = outcome[1]
    finally:
        stop.set()
    return [results[number] for number in range(len(tasks))]
