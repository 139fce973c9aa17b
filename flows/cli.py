"""Command line: the group of all commands, exit codes, and the program.

Each command stands in its own module in `flows/commands/`. These modules import heavy packages
inside their functions, so that help and usage errors come at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from flows.commands.backfill import backfill_command
from flows.commands.clean import clean_command
from flows.commands.compare import compare_command
from flows.commands.dashboard import dashboard_command
from flows.commands.explain import explain_command
from flows.commands.generate import generate_command
from flows.commands.monitor import monitor_command
from flows.commands.outcomes import outcomes_command
from flows.commands.policy import policy_command
from flows.commands.promote import promote_command
from flows.commands.rejected import rejected_command
from flows.commands.score import score_command
from flows.commands.status import status_command
from flows.commands.train import train_command
from flows.commands.withdraw import withdraw_command
from flows.options import run_program
from flows.streams import end_streams, use_lenient_streams
from tasks.errors import ConfigError

_COMMANDS: Final = (
    backfill_command,
    clean_command,
    compare_command,
    dashboard_command,
    explain_command,
    generate_command,
    monitor_command,
    policy_command,
    outcomes_command,
    promote_command,
    rejected_command,
    score_command,
    status_command,
    train_command,
    withdraw_command,
)
_COLLECTED_EVERY: Final = 100_000
"""New objects between two searches for garbage. With Python's 700 a quarter of a start went into
searches that found none."""
_LONGEST_END_SECONDS: Final = 15.0
"""Time in which Prefect may send the last log lines and events of a command that has ended."""


class CommandGroup(click.Group):
    """Group whose commands refuse an option that is given twice and takes one value."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command in the arguments. Raises `UsageError`, where click takes the last value."""
        name, command, rest = super().resolve_command(ctx, args)
        if command and not ctx.resilient_parsing:
            context = click.Context(command, info_name=name, parent=ctx)
            _, _, given = command.make_parser(context).parse_args(list(rest))
            for option in given:
                is_single = isinstance(option, click.Option) and not (option.multiple or option.is_flag)
                if is_single and given.count(option) > 1:
                    raise click.UsageError(
                        f"{option.opts[0]} was given {given.count(option)} times, and takes one "
                        "value. Give it once; run the command once for each value.",
                        context,
                    )
        return name, command, rest


@click.group(
    cls=CommandGroup,
    commands=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="daily-credit-scoring", prog_name="scoring")
def scoring() -> None:
    """Daily batch credit scoring: from landing files to published decisions."""
    try:
        Path.cwd()
    except OSError:
        raise ConfigError(
            "The folder in which this command was started is gone. Change into one that is there."
        ) from None


def program() -> None:
    """Run the command line as a program, and end the process with the exit code of the command.

    A thread of Arrow aborts the process (exit 134) if it lets go of a Python object while the
    interpreter is taken down (https://github.com/apache/arrow/issues/34314). So the process is
    left right before that, last of all that runs at exit.
    """
    gc.set_threshold(_COLLECTED_EVERY)
    use_lenient_streams()
    code: Any = 1
    atexit.register(lambda: _leave(code))  # what is registered first runs last
    try:
        main()
        code = 0
    except SystemExit as left:
        code = left.code
        raise
    finally:
        _bound_the_end(lambda: code)


def _bound_the_end(code: Callable[[], Any], seconds: float = _LONGEST_END_SECONDS) -> None:
    """End the process after a while, if it has not ended by then.

    At exit Prefect waits for its queues without a bound: for minutes, where its server takes no log lines.
    """

    def end() -> None:
        time.sleep(seconds)
        sys.stderr.write(
            f"Prefect has not taken the last log lines of this run in {seconds:g} seconds; they are left out. "
            "What was said above stands.\n"
        )
        _leave(code())

    threading.Thread(target=end, name="bound-the-end", daemon=True).start()


def _leave(code: Any) -> None:
    end_streams()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Run the command line; an error of ours is one clear line and its exit code.

    So is the error of a library that cannot be imported in these surroundings.
    """
    try:
        run_program(scoring)
    except Exception as error:
        if not (library := _library_in_import(error)):
            raise
        click.echo(
            f"ConfigError: {library} cannot be imported here: {_told(error)}. Mend what it names: its variables and "
            "files, or HOME, which must be a folder of this user.",
            err=True,
        )
        sys.exit(ConfigError.exit_code)


def _library_in_import(error: Exception) -> str | None:
    """Name of the library whose import raised the error; None if it was raised in other ways."""
    for frame in traceback.extract_tb(error.__traceback__):
        _, separator, inside = frame.filename.rpartition("/site-packages/")
        if separator and frame.name == "<module>":
            return Path(inside).parts[0]
    return None


def _told(error: Exception) -> str:
    """One line of an error; of wrong settings their names, and never the values."""
    if errors := getattr(error, "errors", None):
        return "; ".join(" ".join((".".join(map(str, each["loc"])), each["msg"])).strip() for each in errors())
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


if __name__ == "__main__":
    program()
