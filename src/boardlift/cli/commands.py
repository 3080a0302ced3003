"""The list of commands. A new command is one file and one line here."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from boardlift import __version__
from boardlift.cli import boards, check, doctor, generations, init, listen, plan, rollback, runs, sandbox, sync
from boardlift.cli.errors import EXIT_CODES, INTERRUPTED, OK, run_guarded

EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

app = typer.Typer(
    name="boardlift",
    help="Lift monday.com boards into typed SQL tables: staged, checked, swapped in atomically, rolled back at once.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("init")(init.init)
app.add_typer(boards.app, name="boards")
app.command("plan")(plan.plan)
app.command("sync")(sync.sync)
app.command("listen")(listen.listen)
app.command("runs")(runs.runs)
app.command("generations")(generations.generations)
app.command("rollback")(rollback.rollback)
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.command("sandbox")(sandbox.sandbox)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        print(f"boardlift {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Parse and run; every way to end has its exit code."""
    code = OK

    def call() -> None:
        nonlocal code
        try:
            app(args=list(arguments), prog_name="boardlift")
        except SystemExit as ended:
            if ended.code == INTERRUPTED:  # the library has caught Ctrl-C; it is told like every other end
                raise KeyboardInterrupt from ended
            code = ended.code if isinstance(ended.code, int) else OK

    return run_guarded(call, arguments) or code
