"""Each incident as the console tells it within one refresh: in words, in the numbers of GetMetricData, with the verb
that helps, and pointing at no wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from console.kinds.base import Sign
from console.text import BARS, few
from console.world.incidents import INCIDENTS
from tests.incidents.conftest import Make, Night

Numbers = Callable[[Night], tuple[str, ...]]


def number(value: float) -> str:
    """Milliseconds as the console writes them."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def p99(night: Night, endpoint: str) -> str:
    return f"p99 {number(night.middle('ModelLatency', 'p99', endpoint) / 1000)} ms"


def failing(night: Night, endpoint: str, **fleet: str) -> str:
    errors, n = (night.sum(metric, endpoint, **fleet) for metric in ("Invocation5XXErrors", "Invocations"))
    return f"fail ({errors:,.0f} of {n:,.0f})"


def _canary(night: Night) -> tuple[str, ...]:
    old = {"EndpointConfigName": "delay-risk-v7"}
    errors, n = (night.sum(metric, "delay-risk", **old) for metric in ("Invocation5XXErrors", "Invocations"))
    new = failing(night, "delay-risk", EndpointConfigName="delay-risk-v8")
    both = night.window("Invocation5XXErrors", "Sum", "delay-risk"), night.window("Invocations", "Sum", "delay-risk")
    share = few(100 * sum(both[0]) / sum(both[1]))
    seen = f"its alarm cannot see it ({share} of 5 %)", f"; now {share} % of both fleets together"
    return f"{new}", f"v7: {errors:,.0f} of {n:,.0f}; not chance", *seen


def _callers(night: Night) -> tuple[str, ...]:
    bad, n = (night.sum(metric, "review-toxic") for metric in ("Invocation4XXErrors", "Invocations"))
    return (f"callers: {100 * bad / n:.0f} % refused as 4XX ({bad:,.0f} of {n:,.0f})", f"4XX {100 * bad / n:.2f} %")


def _thrashing(night: Night) -> tuple[str, ...]:
    hits = night.window("ModelCacheHit", "Average", "demand-cast")
    wait = night.middle("ModelLoadingWaitTime", "Average", "demand-cast") / 1000
    return (f"models thrash: {100 * sum(hits) / len(hits):.0f} % found loaded, the others wait {number(wait)} ms",)


def _memory(night: Night) -> tuple[str, ...]:
    top = max(night.window("MemoryUtilization", "Maximum", "route-cost"))
    return failing(night, "route-cost"), f"memory {top:.0f} %"


def _queue(night: Night) -> tuple[str, ...]:
    waiting = night.window("ApproximateBacklogSize", "Maximum", "doc-extract", variant="")[-1]
    oldest = night.window("ApproximateAgeOfOldestRequest", "Maximum", "doc-extract", variant="")[-1]
    return f"{waiting:,.0f} wait, the oldest", f"oldest request {oldest:,.0f} s"


def _busy(night: Night, endpoint: str, what: str, units: int) -> str:
    used = night.window(f"{what}Utilization", "Average", endpoint)
    return f"{what} {sum(used) / len(used) / units:.0f} %"


@dataclass(frozen=True)
class Says:
    sign: Sign
    words: str
    """What its row says, as a regular expression."""
    numbers: Numbers = lambda night: ()
    """What its description has, from the same world by boto3."""
    verb: str = ""
    target: str = ""
    against: tuple[str, ...] = ("roll back",)
    """Verbs that are warned of."""
    after_min: tuple[float, ...] = (2.0,)
    """The console looks after each of these waits; the last look is the one refresh."""


OF = r"\([\d,]+ of [\d,]+\)"
FAIL = rf"^[\d.]+ % fail {OF}"

SAYS = {
    "bad-canary": Says(
        Sign.CRITICAL,
        rf"^v8: [\d.]+ % fail {OF}; its alarm cannot see it \([\d.]+ of 5 %\); v8: canary baking until 03:34Z; logs V",
        _canary,
        verb="rollback",
        target="delay-risk-v7",
        against=("scale out",),
        after_min=(0.0, 4.0),
    ),
    "latency-saturation": Says(
        Sign.WARNING,
        FAIL + r", was 0\.\d+ %: hosts are busy, \d+ times the requests a host; p99 \d+ ms, was 31$",
        lambda night: (p99(night, "delay-risk"), failing(night, "delay-risk"), _busy(night, "delay-risk", "CPU", 4)),
        verb="scale",
    ),
    "max-capacity": Says(
        Sign.CRITICAL,
        r"at max 8/8",
        lambda night: (p99(night, "search-rank"), _busy(night, "search-rank", "GPU", 1)),
        verb="scale",
    ),
    "slow-dependency": Says(
        Sign.WARNING,
        r"^p99 [\d,]+ ms, was \d+ at equal load, hosts have room; logs feature store answered after \d+ ms$",
        lambda night: (p99(night, "eta-minutes"), _busy(night, "eta-minutes", "CPU", 8)),
        against=("roll back", "scale out"),
    ),
    "flapping": Says(
        Sign.CRITICAL,
        FAIL + r", was 0\.\d+ %; flaps: turned round \d+ times in \d+ m",
        lambda night: (failing(night, "eta-minutes"),),
        verb="suspend",
        after_min=(2.0, 1.0),
    ),
    "no-capacity": Says(
        Sign.CRITICAL,
        r"cannot grow: AWS has no ml\.\S+ to spare, asked for \d, kept at 4",
        lambda night: (failing(night, "search-rank"),),
        against=("roll back", "scale out"),
    ),
    "quota": Says(
        Sign.CRITICAL,
        r"cannot grow: the quota of ml\.c6i\.2xlarge is used up",
        lambda night: (p99(night, "eta-minutes"), _busy(night, "eta-minutes", "CPU", 8)),
        against=("roll back", "scale out"),
    ),
    "oom": Says(
        Sign.CRITICAL,
        FAIL + r".*: memory 9\d %; logs Worker \(pid:\d+\) was sent SIGKILL! Perhaps out of memory\?$",
        _memory,
        verb="scale",
    ),
    "caller-change": Says(
        Sign.WARNING,
        rf"^callers: \d+ % refused as 4XX {OF}, was 0\.\d+ %; logs 400 Bad Request: 'text' is a required pro",
        _callers,
        against=("roll back", "scale out"),
    ),
    "overhead": Says(
        Sign.WARNING,
        r"^overhead \d+ ms, was [\d.]+: not the model$",
        lambda night: (f"overhead {number(night.middle('OverheadLatency', 'Average', 'ads-embed') / 1000)} ms",),
        against=("roll back", "scale out"),
    ),
    "mme-thrash": Says(Sign.WARNING, r"^models thrash: \d+ % found loaded, the others wait", _thrashing, verb="scale"),
    "async-backlog": Says(Sign.WARNING, r"^\d+ wait, the oldest \d+ m$", _queue, verb="scale"),
    "ping-failure": Says(
        Sign.OK,
        r"^note: v24 failed 03:1\dZ, v23 serves; ping health check; its logs: OutOfMemoryError: CUDA out of memory",
        lambda night: ("did not pass the ping health check",),
        against=(),
        after_min=(0.0, 1.0),
    ),
    "silent-rollback": Says(
        Sign.OK,
        r"^note: v15 silently failed 03:1\dZ, v14 serves; its logs: ModuleNotFoundError: No module named 'lightgbm'$",
        against=(),
        after_min=(0.0, 1.0),
    ),
    "stuck-update": Says(Sign.WARNING, r"^v32 stuck launching since 02:2\dZ, v31 serves$", after_min=(0.0, 1.0)),
    "bad-config": Says(
        Sign.CRITICAL,
        FAIL + r", was 0\.\d+ %; logs KeyError: 'carrier_delay_7d' \(v8 since 03:1\dZ\)$",
        lambda night: (failing(night, "delay-risk"),),
        verb="rollback",
        target="delay-risk-v7",
        against=(),
        after_min=(0.0, 1.0, 5.0),
    ),
    "undone-fix": Says(
        Sign.CRITICAL,
        FAIL + r", was 0\.\d+ %; logs KeyError: 'carrier_delay_7d' \(v15 since 03:1\dZ\)$",
        lambda night: (failing(night, "eta-minutes"),),
        verb="rollback",
        target="eta-minutes-v14",
        against=(),
        after_min=(0.0, 1.0, 5.0),
    ),
}
DRAWN_FIRST = {
    "caller-change": "4XX %",
    "overhead": "OVERHEAD MS",
    "mme-thrash": "LOADED %",
    "async-backlog": "WAITING",
    "slow-dependency": "P99 MS",
    "bad-config": "5XX %",
}
"""What its own screen draws first: calm 5XX beside callers that are refused would be a lie."""

WORDS = {"rollback": "roll back", "scale": "scale", "retrain": "retrain", "weights": "shift"}
"""A verb as people write it."""


def begin(
    night: Make, incident: str, after_min: tuple[float, ...] = (2.0,), hour: float = 3.2, **options: Any
) -> Night:
    """A console that has watched in peace, and looks once more when it is there."""
    one = night(hour, **options)
    one.has(INCIDENTS[incident].subject.removeprefix("endpoint/"))
    assert one.look() == {} == one.look()
    assert one.troubled() == set() and one.triage().startswith("● nothing needs you")
    one.world.play(incident)
    for minutes in after_min:
        one.wait(minutes)
        assert one.look() == {}
    return one


def points_at(one: Night, name: str, verb: str) -> list[str]:
    """Lines that speak for a verb: commands, advice, and the words of the row. Warnings of it are none."""
    texts = (one.triage(), one.described(name), one.screen(name), one.row(name)["what"])
    told = [line for text in texts for line in text.splitlines()]
    told = [line for line in told if not line.strip().startswith(("but ", "do not ", "not ", "way back", "ways back"))]
    pattern = re.compile(rf"lastgood {verb}\b|\b{WORDS.get(verb, verb)}(?! of \d)\b", re.IGNORECASE)
    return [line for line in told if pattern.search(line)]


@pytest.mark.parametrize("name", SAYS)
def test_it_is_told_within_one_refresh(night: Make, name: str) -> None:
    incident, says = INCIDENTS[name], SAYS[name]
    subject = incident.subject.removeprefix("endpoint/")
    one = begin(night, name, says.after_min)
    row, view, told, need = one.row(subject), one.view(subject), one.described(subject), one.need(subject)
    assert view.sign is says.sign and row["sign"] == says.sign.glyph, row["what"]
    assert re.search(says.words, row["what"]), row["what"]
    for words in says.numbers(one):
        assert words in told, f"{words!r} is not in\n{told}"
    urgent = says.sign in {Sign.CRITICAL, Sign.WARNING}
    assert one.troubled() == ({subject} if urgent else set()), "and nobody else is blamed"
    assert (need is not None) is urgent
    if need is not None:
        assert (need.advice.verb, need.advice.target) == (says.verb, says.target), need.advice
        assert [line for line in one.triage().splitlines() if line.startswith("  but ")] or not says.against
        warned = [words for label, words in need.advice.lines if label == "but"]
        assert all(words.startswith("do not ") for words in warned), "cut short it must not read as the opposite"
        assert all(verb in " ".join(warned) for verb in says.against), need.advice
    screen = " ".join(one.screen(subject).split())
    assert row["what"].replace("note: ", "note ") in screen and (
        not says.target or f"→ roll back to {says.target}" in screen
    )
    if name in DRAWN_FIRST:
        lines = one.screen(subject, height=40).splitlines()
        rows = [line.strip() for line in lines if any(bar in line for bar in BARS)]
        assert rows[0].startswith(DRAWN_FIRST[name]), rows
        assert any(line.strip().startswith("since 0") for line in lines), "since when"
    right = {says.verb, incident.right}
    for verb in incident.wrong:
        assert verb not in right
        assert points_at(one, subject, verb) == []


@pytest.mark.long
@pytest.mark.parametrize("hour", [11.5, 19.0])
@pytest.mark.parametrize("name", SAYS)
def test_it_is_told_at_other_hours(night: Make, name: str, hour: float) -> None:
    incident, says = INCIDENTS[name], SAYS[name]
    subject = incident.subject.removeprefix("endpoint/")
    one = begin(night, name, says.after_min, hour)
    view, told, need = one.view(subject), one.described(subject), one.need(subject)
    urgent = says.sign in {Sign.CRITICAL, Sign.WARNING}
    assert (view.sign.rank <= Sign.WARNING.rank) is urgent, view.verdict.words
    assert one.troubled() == ({subject} if urgent else set())
    assert need is None or (need.advice.verb, need.advice.target) == (says.verb, says.target), need.advice
    for words in says.numbers(one):
        assert words in told, f"{words!r} is not in\n{told}"
    for verb in incident.wrong:
        assert points_at(one, subject, verb) == []


@pytest.mark.parametrize("name", ["bad-config", "slow-dependency", "caller-change", "max-capacity"])
def test_a_console_that_somebody_opens_now_tells_it_as_well(night: Make, name: str) -> None:
    """Nobody watched before: what it was, who deployed and since when are AWS's to tell."""
    incident, says = INCIDENTS[name], SAYS[name]
    subject = incident.subject.removeprefix("endpoint/")
    one = night()
    one.has(subject)
    one.world.play(name)
    one.wait(sum(says.after_min))
    assert one.look() == {}, "the list comes"
    assert one.look() == {}, "its rows are on screen"
    view, told, need = one.view(subject), one.described(subject), one.need(subject)
    assert view.sign is says.sign, view.verdict
    for words in says.numbers(one):
        assert words in told, f"{words!r} is not in\n{told}"
    assert need is not None and (need.advice.verb, need.advice.target) == (says.verb, says.target), need.advice


@pytest.mark.parametrize(
    "name", [name if name == "oom" else pytest.param(name, marks=pytest.mark.long) for name in SAYS]
)
def test_its_state_does_not_flip_while_nothing_changes(night: Make, name: str) -> None:
    """Ten looks, a minute apart. What got worse or less bad is news; that it were well would send somebody to bed."""
    incident, says = INCIDENTS[name], SAYS[name]
    subject = incident.subject.removeprefix("endpoint/")
    one = begin(night, name, says.after_min)
    urgent = says.sign in {Sign.CRITICAL, Sign.WARNING}
    for _ in range(10):
        one.wait(1)
        assert one.look() == {}
        assert one.troubled() == ({subject} if urgent else set()), one.row(subject)["what"]
        need = one.need(subject)
        assert (need.advice.verb if need is not None else "") == says.verb, one.row(subject)["what"]
