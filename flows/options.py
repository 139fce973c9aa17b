"""Options and parameter types that commands share, and what every command does before its work.

Importing this module imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import socket
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tasks.errors import ConfigError, OrchestratorError, ScoringError

if TYPE_CHECKING:
    from configs.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
_NO_ID: Final = 2**53  # from here on float64, in which ids are compared, skips whole numbers


class Day(click.ParamType):
    """A calendar day, YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error (exit 2)."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as YYYY-MM-DD, for example 2026-11-01.", param, ctx)


class ClockTime(click.ParamType):
    """A time of day, HH:MM."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> time:
        """The time, or a usage error (exit 2)."""
        if isinstance(value, time):
            return value
        try:
            return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - its zone is the calendar's
        except ValueError:
            self.fail(f"{value!r} is not a time; write it as HH:MM, for example 08:00.", param, ctx)


class NameAndText(click.ParamType):
    """A name and a text, NAME=VALUE."""

    name = "NAME=VALUE"

    def __init__(self, example: str) -> None:
        """Remember the example, for the message."""
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Name and text, or a usage error (exit 2)."""
        if isinstance(value, tuple):
            return value
        name, separator, text = str(value).partition("=")
        if not separator or not name.strip() or not text.strip():
            self.fail(f"{value!r} has no value; write it as NAME=VALUE, for example {self._example}.", param, ctx)
        return name.strip(), text.strip()


class ApplicationId(click.ParamType):
    """An applicant's id; what was given is never repeated."""

    name = "APPLICATION_ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The id, or a usage error (exit 2)."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and 0 < int(text) < _NO_ID):
            self.fail("it is not an application id; expected a positive whole number.", param, ctx)
        return int(text)


def common_options(command: F) -> F:
    """Add the options that every command has."""
    config = click.option(
        "--config",
        type=click.Path(resolve_path=True),
        help="Settings file.  [default: configs/local.yaml]",
    )
    verbose = click.option("--verbose", is_flag=True, help="Show everything that Prefect logs.")
    return config(verbose(command))


as_of_option = click.option("--as-of", type=Day(), required=True, help="Business day to work on.")
plain_option = click.option(
    "--without-prefect",
    is_flag=True,
    help="Run the same steps as plain Python; no server, no record of the run.",
)


def set_up(config: str | None, *, verbose: bool) -> Settings:
    """Set up the log lines in the terminal, and load the settings.

    Called before Prefect is imported: Prefect leaves the terminal alone if others write to it.

    Args:
        config: Settings file; None for the default one.
        verbose: Leave the terminal to Prefect, which shows all that it logs.
    """
    from configs.settings import load_settings
    from flows.terminal import show_own_lines

    if not verbose:
        show_own_lines()
    return load_settings(config)


def run_program(command: click.Command) -> None:
    """Run a command as a program; an error of ours is one clear line and its exit code."""
    try:
        command.main(standalone_mode=False)
    except ScoringError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)


def require_free(host: str, port: int, *, otherwise: str) -> None:
    """Require that a server may take a port of this machine.

    Args:
        host: address of this machine.
        port: TCP port.
        otherwise: command that takes another port, for the message.

    Raises:
        ConfigError: the port, or the address, is not to be had; says why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigError(
            f"Port {port} of {host} cannot be had: {error.strerror}. "
            f"Stop what has it, or choose another one: {otherwise}"
        ) from None


def runnable(flow: Any, *, without_prefect: bool) -> Callable[..., Any]:
    """Flow as Prefect runs and records it, or its plain function.

    What the flow has done counts, even if Prefect is lost before it takes the end of the run.
    """
    if without_prefect:
        return flow.fn
    from httpx import HTTPError
    from prefect import tags
    from prefect.client.schemas.objects import State

    from tasks.running.prefect_api import few_attempts
    from tasks.running.step import require_prefect

    require_prefect()
    returned: list[Any] = []
    recorded = flow.with_options()
    hurry = contextlib.ExitStack()

    @functools.wraps(flow.fn)
    def keep_result(*args: Any, **parameters: Any) -> Any:
        ended = flow.fn(*args, **parameters)
        if not (isinstance(ended, State) and ended.is_failed()):
            returned.append(ended.data if isinstance(ended, State) else ended)
        # The work is done: the record of its end is tried twice, and no longer for minutes.
        hurry.enter_context(few_attempts())
        return ended

    # Prefect reads the types of parameters where the function stands; here their names mean nothing.
    keep_result.__signature__ = inspect.signature(flow.fn, eval_str=True)  # type: ignore[attr-defined]
    keep_result.__annotations__ = inspect.get_annotations(flow.fn, eval_str=True)
    recorded.fn = keep_result

    def run(**parameters: Any) -> Any:
        try:
            with hurry:
                return tags("credit-scoring")(recorded)(**parameters)
        except HTTPError as error:  # the run speaks to nobody else by this library
            lost = f"Prefect was lost during the run: {type(error).__name__}."
            if not returned:
                raise OrchestratorError(
                    f"{lost} See `scoring status`; run the command again when Prefect is back, or --without-prefect."
                ) from None
        click.echo(f"{lost} The work is done; only Prefect's record of the run has no end.", err=True)
        return returned[0]

    return run
