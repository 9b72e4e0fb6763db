"""How many hosts the load asks for, and why so many. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from console.clock import MINUTE
from console.kinds.capacity.looking import Ground
from console.kinds.vitals.finding import HITS
from console.kinds.vitals.load import thrashes, usual_overhead
from console.kinds.vitals.queue import EMPTY_IN, Queue, queue
from console.kinds.vitals.record import Signs, Was
from console.text import count

BUSY, EASY = 85.0, 60.0
"""Percent of CPU or GPU: from where on hosts are the limit, and what is proposed instead."""


class Need(NamedTuple):
    """So many hosts, and why so many. `least`: what would do with none to spare, where that is known."""

    hosts: int
    words: str
    least: int | None = None

    @property
    def enough(self) -> int:
        return self.hosts if self.least is None else self.least


def needed(have: int, g: Ground) -> Need:
    """By the policy's target; else by the queue, by the models that are not found loaded, by how busy the hosts are;
    else a small step."""
    serving = g.seen.there or have
    if (percent := g.load.percent) is not None and percent > 100 and g.load.target:
        total = g.load.among(1, serving) or 0.0
        least = math.ceil(total / g.load.target)
        words = f"{total:,.0f} requests a minute need {least} at {g.load.target:,.0f} each, and a fifth to spare"
        return Need(math.ceil(1.2 * total / g.load.target), words, least)
    signs, was = _signs(g)
    bearing = g.load.borne or serving  # hosts of the judged minutes
    if signs is not None and (waiting := queue(signs)) is not None:
        return _by_queue(waiting, bearing)
    if signs is not None and thrashes(signs, was):
        return _by_models(signs, was, serving)
    busy = max((value for value in (signs.cpu_percent, signs.gpu_percent) if value), default=0.0) if signs else 0.0
    if busy >= BUSY and signs is not None and signs.backlog is None:  # who works off a queue is busy as it must be
        return Need(math.ceil(bearing * busy / EASY), f"busy {busy:.0f} % on {bearing:.0f}, to be {EASY:.0f} %")
    step = max(1, have // 4)
    return Need(have + step, f"no measure tells how many are needed, {step} more to begin with")


def _signs(g: Ground) -> tuple[Signs | None, Was | None]:
    """Of the variant, or of the inference component."""
    beat, t = g.view.pulse, g.seen.target
    if beat is None:
        return None, None
    return beat.signs_of(t.variant, t.component), beat.was_of(t.variant)


def _by_queue(waiting: Queue, hosts: float) -> Need:
    """So many that it is empty within the hour, while more comes."""
    each = waiting.done / hosts
    keep_up = math.ceil(waiting.come / each)
    enough = math.ceil((waiting.come + waiting.waiting * MINUTE / EMPTY_IN) / each)
    words = (
        f"{waiting.come:.1f} requests a minute come and one instance does {each:.1f}: {keep_up} keep up,"
        f" {enough} empty the queue of {waiting.waiting:,.0f} within the hour"
    )
    return Need(max(keep_up, enough), words)


def _by_models(one: Signs, was: Was | None, hosts: int) -> Need:
    """Twice as many: nobody measures how many models are called, so that each step tells how far the next must go.

    The fewest steps: all are called alike, and twice the room holds twice as many of them. The most: the rarely called
    ones are many, and twice the room halves what is not found loaded.
    """
    hits = one.cache_hit_ratio or 0.0
    missed, bearable = 1 - hits, 1 - HITS
    usual = usual_overhead(was)
    if usual is not None and one.loading_wait_ms:
        bearable = min(bearable, (usual.bearable_ms - usual.ms) / one.loading_wait_ms)
    fewest = max(1, math.ceil(math.log2(1 / max(hits, 0.01))))
    most = max(fewest, math.ceil(math.log2(missed / max(bearable, 0.001))))
    steps = f"{fewest} to {most} such steps" if most > fewest else f"{count(most, 'such step')}"
    words = (
        f"{100 * hits:.0f} % of models are found loaded on {count(hosts, 'instance')}, twice as many hold twice the"
        f" models; {steps} in all, as nothing tells how many are called: look again once its metrics are there"
    )
    return Need(2 * hosts, words)
