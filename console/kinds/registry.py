"""One line per kind."""

from __future__ import annotations

from console.actions.verb import Verb
from console.kinds import alarm, change, endpoint, execution, pipeline, scaling
from console.kinds.base import Kind
from console.kinds.words import kind_of as kind_of

KINDS: tuple[Kind, ...] = (endpoint.KIND, pipeline.KIND, execution.KIND, change.KIND, alarm.KIND, scaling.KIND)


def verbs() -> tuple[Verb, ...]:
    return tuple(verb for kind in KINDS for verb in kind.verbs)
