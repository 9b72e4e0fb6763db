"""The lines of a form as data: what each asks, its value before, and why a value does not do (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.actions.verb import Option
from console.kinds.pipeline.record import Parameter
from console.text import looks_secret
from screens.fields import TextField


@dataclass(slots=True)
class Input:
    """One line of the form. `choices` are walked through; a flag's are no and yes."""

    id: str
    group: str
    label: str
    about: str
    text: TextField
    choices: tuple[str, ...] = ()
    default: str | None = ""
    before: str | None = None
    """Its value in the last green run, where there was one."""
    check: Callable[[str], str] = field(default=lambda value: "")
    """Why a value does not do, or an empty text."""

    @property
    def value(self) -> str:
        return self.text.text

    @property
    def wrong(self) -> str:
        return self.check(self.value)

    @property
    def differs(self) -> bool:
        """From its value in the last green run."""
        return self.before is not None and self.before != self.value

    def choose(self, step: int) -> None:
        at = self.choices.index(self.value) if self.value in self.choices else -1 if step > 0 else 0
        self.text.text = self.choices[(at + step) % len(self.choices)]


def parameter_input(parameter: Parameter, given: str | None, before: str | None) -> Input:
    from console.kinds.pipeline.retrain import misfit

    def check(value: str) -> str:
        if value == (parameter.default or "") and parameter.default is not None:
            return ""
        if looks_secret(parameter.name):
            return "looks like a secret: what is sent is kept in the journal"
        if not value and parameter.default is None:
            return "has no default: it needs a value"
        return misfit(parameter, value)

    choices = parameter.choices or (("true", "false") if parameter.type == "Boolean" else ())
    value = given if given is not None else parameter.default or ""
    about = f"{parameter.type}, default {parameter.default}" if parameter.default is not None else parameter.type
    return Input(parameter.name, "param", parameter.name, about, TextField(parameter.name, "", value), choices,
                 parameter.default, before, check)  # fmt: skip


def option_input(option: Option, given: Any) -> Input:
    choices = ("no", "yes") if option.kind == "flag" else option.choices
    if option.kind == "words" and isinstance(given, Mapping):
        given = " ".join(f"{name}={one}" for name, one in given.items())
    value = ("yes" if given else "no") if option.kind == "flag" else str(given or "")

    def check(text: str) -> str:
        if option.kind == "words":
            bad = next((word for word in text.split() if not re.fullmatch(r"[^=]+=\S+", word)), "" if text else "none")
            return f"{bad}: write NAME=VALUE" if bad else ""
        return "not a whole number" if option.kind == "int" and text and not text.lstrip("+-").isdigit() else ""

    return Input(option.name, option.kind, option.name, option.help, TextField(option.name, "", value), choices,
                 check=check)  # fmt: skip
