"""docs/reference/errors.md: the error tree, and what each refusal of the API means."""

from __future__ import annotations

from collections.abc import Iterator

from boardlift import errors
from boardlift.cli.errors import EXIT_CODES, FAILED, INTERRUPTED, UNKNOWN, USAGE
from boardlift.errors import BoardliftError, ConfigError, Interrupted, Transient
from boardlift.monday.codes import ERROR_CODES
from refpages.markdown import capital, code, doc, page, table

INTRODUCTION = """\
Every error is one sentence of facts and a hint that names what to type next. With `--json` it is also an object on
standard output: `{"error": {"type": ..., "message": ..., "hint": ...}}`, with `checks` for `CheckFailed` and `errors`
for `QueryRejected`. [When a run fails](../how-to/when-a-run-fails.md) is the page to read at night.

A *transient* error is one after which the same call may succeed; boardlift has then tried again already, as often as
`account.retries` says."""

CODES = """\
What the codes of the API mean to boardlift. They are compared without regard to case and punctuation. "Wait" is the
pause in seconds when the answer names none. An answer that "spoils" is not used even if it carries data, because more
may be missing than the error names; after the others, what came is kept and the rest is reported."""


def render() -> str:
    return page(
        "Errors",
        INTRODUCTION,
        "## Exit codes\n\n" + table(("code", "meaning"), ((code(n), capital(text)) for n, text in EXIT_CODES.items())),
        "## The tree\n\n" + table(("error", "means", "transient", "exit code"), _tree()),
        f"An error nobody foresaw ends with {code(UNKNOWN)}.",
        "## Codes of the API\n\n" + CODES,
        table(("codes", "HTTP", "meaning", "error", "wait", "spoils", "hint"), _codes()),
    )


def _tree() -> Iterator[tuple[str, str, str, str]]:
    for depth, kind in _descendants(BoardliftError, 0):
        yield (
            "&nbsp;&nbsp;" * depth + code(kind.__name__),
            doc(kind),
            "yes" if issubclass(kind, Transient) else "",
            code(_exit_code(kind)),
        )


def _exit_code(kind: type[BoardliftError]) -> int:
    if issubclass(kind, Interrupted):
        return INTERRUPTED
    return USAGE if issubclass(kind, ConfigError) else FAILED


def _descendants(kind: type[BoardliftError], depth: int) -> Iterator[tuple[int, type[BoardliftError]]]:
    yield depth, kind
    for inner in vars(errors).values():
        if isinstance(inner, type) and inner.__base__ is kind:
            yield from _descendants(inner, depth + 1)


def _codes() -> Iterator[tuple[str, ...]]:
    for rule in ERROR_CODES:
        yield (
            ", ".join(code(each) for each in rule.codes),
            rule.http,
            capital(rule.meaning),
            code(rule.error.__name__),
            f"{rule.pause:g}" if rule.pause is not None else "",
            "yes" if rule.spoils else "",
            capital(rule.hint),
        )
