"""All commands by name: their module is imported when one of them is asked for, so `--help` imports none.

The kinds, verbs and the ledger take as long to import as typer itself. A test keeps the short helps equal to those of
the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import typer.main
from typer.core import TyperGroup

from console.errors import UsageError
from console.text import echoed

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """The module of `console.cli` that registers the command, and the first sentence of its help; none is hidden."""

    module: str
    help: str


INDEX: dict[str, Entry] = {
    "get": Entry("reading", "List a kind, what is wrong first."),
    "describe": Entry("reading", "One thing, whole."),
    "logs": Entry("reading", "Log lines of an endpoint, or of a run's telling step."),
    "metrics": Entry("reading", "How an endpoint's vital signs went: CloudWatch's series at a period that fits."),
    "open": Entry("reading", "Open the console at an ARN or a name."),
    "wait": Entry("reading", "Wait until a thing has settled as asked for."),
    "rollback": Entry("acting", "Update the endpoint to a config that served before, and verify it."),
    "weights": Entry("acting", "Shift traffic between the variants of an endpoint, at once or in watched steps."),
    "retrain": Entry("acting", "Start a new run of the pipeline, with its parameters checked."),
    "retry": Entry("acting", "Let a failed or stopped run go on where it stopped."),
    "stop": Entry("acting", "Bring a run in motion to an end."),
    "hold": Entry("acting", "Ask everybody who shares this ledger to keep their hands off it, or release it."),
    "scale": Entry(
        "acting",
        "Set how many instances (copies) serve, or within which bounds autoscaling moves them.",
    ),
    "suspend": Entry(
        "acting",
        "Keep autoscaling from taking instances away until it is resumed; scale-out goes on.",
    ),
    "unsuspend": Entry("acting", "Let autoscaling take instances away again."),
    "mute": Entry("acting", "Keep an alarm's actions from being taken for a while; CloudWatch itself ends it."),
    "unmute": Entry("acting", "End the mute that lastgood put on an alarm."),
    "resume": Entry("acting", "Observe and close actions whose process died; let a queued one go on after consent."),
    "check": Entry("checking", "Whether anything is wrong, in one line, for cron and Nagios."),
    "triage": Entry("answers", "What is wrong now, what changed before it, what to look at."),
    "handover": Entry("answers", "What the next person on call must know."),
    "audit": Entry("answers", "The journal of actions: who did what, why, how it ended."),
    "doctor": Entry("answers", "Check what keeps people from working at night."),
    "info": Entry("answers", "Versions, files, and what the ledger knows."),
    "iam": Entry("answers", "The least IAM policy for what lastgood does."),
    "collect": Entry("running", "Watch without a screen, for all consoles of this host."),
    "demo": Entry("running", "Open the console on an embedded world with an incident."),
    "world": Entry("running", "The embedded AWS and MLflow on loopback."),
    "apply": Entry("acting", ""),
}

Register = Callable[[typer.Typer], None]


class Commands(TyperGroup):
    """The root group over `INDEX`."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(INDEX)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in self.commands and cmd_name in INDEX:
            self.commands[cmd_name] = load(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        if args and args[0] not in INDEX:
            from difflib import get_close_matches

            near = get_close_matches(args[0][:40], [name for name, entry in INDEX.items() if entry.help])
            meant = f"did you mean {' or '.join(near)}?" if near else "lastgood --help lists them"
            raise UsageError(f"no command {echoed(args[0])!r}", advice=meant)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in INDEX.items() if entry.help])

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.core import Command
        from typer._click.shell_completion import CompletionItem

        named = [(name, entry.help) for name, entry in INDEX.items() if entry.help and name.startswith(incomplete)]
        return [
            *(CompletionItem(name, help=help) for name, help in named),
            *Command.shell_complete(self, ctx, incomplete),
        ]


def load(name: str) -> Command:
    """The command, from the module that registers it; of that module only this one is built."""
    from console.cli import app
    from console.cli.notes import note

    part = typer.Typer(rich_markup_mode=None)
    module: Any = import_module(f"console.cli.{INDEX[name].module}")
    module.register(part, app.settings if INDEX[name].module == "reading" else app.session, note)
    for group in part.registered_groups:
        if group.name == name:
            found = typer.main.get_group_from_info(
                group, pretty_exceptions_short=True, suggest_commands=True, rich_markup_mode=None
            )
            for command in found.commands.values():
                _refuse_empty(command)
            return found
    for info in part.registered_commands:
        if (info.name or (info.callback.__name__ if info.callback else "")) == name:
            return _refuse_empty(
                typer.main.get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)
            )
    raise LookupError(f"console.cli.{INDEX[name].module} registers no command {name}")


def filled(option: str, value: str) -> None:
    """Raises UsageError for an empty value: `--to "$CONFIG"` with nothing in it must not mean "choose for me"."""
    if not value.strip():
        raise UsageError(f"--{option} is empty", advice="give it a value, or leave it out")


def _refuse_empty(command: Command) -> Command:
    """The command, whose options refuse empty values wherever somebody gave them."""
    for param in command.params:
        if param.param_type_name == "option" and param.name:
            param.callback = _filled(param.name, param.callback)
    return command


def _filled(name: str, then: Callable[..., Any] | None) -> Callable[..., Any]:
    def check(ctx: Context, param: Any, value: Any) -> Any:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            flag = max(param.opts, key=len).lstrip("-")
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(one, str):
                    filled(flag, one)
        return then(ctx, param, value) if then else value

    return check
