"""The typer application: global options, all commands, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.index import Commands, filled
from console.cli.notes import failed, note, tell
from console.errors import Exit, LastgoodError
from console.text import safe, shorten

if TYPE_CHECKING:
    from console.cli.session import Session
    from console.settings import Settings

app = typer.Typer(
    name="lastgood",
    cls=Commands,
    help="What is wrong, what changed, what the last good state was, and how to get back to it safely.",
    no_args_is_help=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def start(
    ctx: typer.Context,
    context: Annotated[
        str | None, typer.Option("--ctx", help="context of config.toml; a,b or all shows several")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile, instead of the context's")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region, instead of the context's")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="where AWS answers, if not at Amazon's addresses")] = None,
    read_only: Annotated[bool | None, typer.Option("--read-only", help="never write to AWS")] = None,
    version: Annotated[bool, typer.Option("--version", help="print the version and exit")] = False,
) -> None:
    """Without a command: open the console."""
    if version:
        from console import __version__

        sys.stdout.write(f"lastgood {__version__}\n")
        raise typer.Exit
    ctx.obj = {
        "context": context,
        "profile": profile,
        "region": region,
        "endpoint_url": endpoint_url,
        "read_only": read_only,
    }
    flags = {"context": "ctx", "endpoint_url": "endpoint-url"}
    for name, value in ctx.obj.items():
        if isinstance(value, str):
            filled(flags.get(name, name), value)
    if ctx.invoked_subcommand is None:
        from console.cli.screen import open_console

        raise typer.Exit(open_console(session(ctx), "", ""))


def settings(ctx: typer.Context) -> Settings:
    from console.settings import Settings

    loaded = Settings.load(flags={k: v for k, v in ctx.find_root().obj.items() if v is not None})
    for warning in loaded.warnings:
        note(warning)
    return loaded


def session(ctx: typer.Context) -> Session:
    from console.cli.session import Session
    from console.errors import UsageError

    loaded = settings(ctx)
    if len(loaded.selected) > 1:
        raise UsageError("one context at a time for this", advice="--ctx NAME; lastgood get shows several")
    opened = Session(loaded, loaded.current, note)
    ctx.call_on_close(opened.close)
    return opened


GLOBAL = {"--ctx", "--profile", "--region", "--endpoint-url"}


def globals_first(argv: list[str]) -> list[str]:
    """The options that say where and as whom count wherever they stand, as in kubectl."""
    first: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in GLOBAL:
            first += [word, *(value for value in [next(words, None)] if value is not None)]
        elif word == "--read-only" or word.partition("=")[0] in GLOBAL:
            first.append(word)
        else:
            rest.append(word)
    return [*first, *rest]


def run(argv: list[str]) -> int:
    """Run one command line; returns the exit code."""
    command = typer.main.get_command(app)
    try:
        result: Any = command.main(args=globals_first(argv), prog_name="lastgood", standalone_mode=False)
        return int(result) if isinstance(result, int) else Exit.DONE
    except LastgoodError as error:
        return tell(error)
    except KeyboardInterrupt:
        note("interrupted")
        return Exit.INTERRUPTED
    except SystemExit as error:
        # typer ends so when the reader of our output went away (`| head`): not our failure.
        return Exit.DONE if type(sys.stdout).__name__ == "PacifyFlushWrapper" else int(error.code or 0)
    except BrokenPipeError:
        return Exit.DONE
    except OSError as error:
        return failed(error)
    except Exception as error:
        return _usage(error)


def _usage(error: Exception) -> int:
    """What typer raises for a wrong command line; anything else is a bug and shows itself."""
    name = type(error).__name__
    if name == "Exit":
        return int(getattr(error, "exit_code", 0))
    if name == "Abort":
        note("nothing was done")
        return Exit.REFUSED
    if hasattr(error, "format_message"):
        words = shorten(safe(error.format_message()), 300).rstrip(".")
        note(f"{words[:1].lower()}{words[1:]} — {_help_of(error)} --help")
        return Exit.USAGE
    raise error


def _help_of(error: Any) -> str:
    ctx = getattr(error, "ctx", None)
    return str(ctx.command_path) if ctx is not None else "lastgood"
