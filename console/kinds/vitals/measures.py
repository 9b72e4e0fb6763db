"""What is drawn of vital signs over time: each measure, how it follows from the courses, and its group. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from console.kinds.vitals.course import INSTANCES, Course, Who

if TYPE_CHECKING:
    from console.kinds.vitals.finding import Finding

OVERVIEW = "overview"
GROUPS = (OVERVIEW, "traffic", "errors", "latency", "saturation", "queue", INSTANCES)
PER_SECOND, PER_MINUTE, RATIO = "per_s", "per_min", "ratio"


class Measure(NamedTuple):
    """`field` of the courses; `over` divides it (a share in percent of sums over sums, with its n)."""

    id: str
    title: str
    unit: str
    group: str
    field: str
    over: str = ""
    by: str = ""
    short: str = ""
    """Its name where several share one plot."""
    family: str = ""
    """Measures of one family are drawn in one plot where there is only one variant to draw."""
    whole: float = 0.0
    """The scale goes at least this far."""


MEASURES = (
    Measure("requests", "requests", "/s", "traffic", "invocations", by=PER_SECOND),
    Measure("5xx", "5XX", "%", "errors", "errors_5xx", "invocations", whole=0.1),
    Measure("failed", "failed", "%", "errors", "failures", "invocations", whole=0.1),
    Measure("p99", "model p99", "ms", "latency", "latency_p99_ms", short="p99", family="model latency"),
    Measure("overhead", "overhead", "ms", "latency", "overhead_avg_ms"),
    Measure("cpu", "CPU", "%", "saturation", "cpu_percent", short="CPU", family="hosts", whole=100.0),
    Measure("memory", "memory", "%", "saturation", "memory_percent", short="memory", family="hosts", whole=100.0),
    Measure("gpu", "GPU", "%", "saturation", "gpu_percent", short="GPU", family="hosts", whole=100.0),
    Measure(
        "per_instance", "requests per instance", "/min", "saturation", "invocations_per_instance", by=PER_MINUTE
    ),
    Measure("backlog", "waiting requests", "", "queue", "backlog", short="all", family="waiting requests"),
    Measure(
        "backlog_each", "waiting per instance", "", "queue", "backlog_per_instance", short="per instance",
        family="waiting requests",
    ),
    Measure("oldest", "oldest waits", "s", "queue", "oldest_request_s"),
    Measure("instances", "instances", "", INSTANCES, INSTANCES),
    Measure("copies", "copies", "", INSTANCES, "copies"),
    Measure("p90", "model p90", "ms", "latency", "latency_p90_ms", short="p90", family="model latency"),
    Measure("p50", "model p50", "ms", "latency", "latency_p50_ms", short="p50", family="model latency"),
    Measure("4xx", "4XX", "%", "errors", "errors_4xx", "invocations", whole=0.1),
    Measure("container", "container's errors", "%", "errors", "model_errors", "invocations", whole=0.1),
    Measure("unplaced", "found no copy", "%", "errors", "unplaced", "invocations", whole=0.1),
    Measure("setup", "cold start", "ms", "latency", "setup_ms"),
    Measure("loading", "wait for a model", "ms", "latency", "loading_wait_ms"),
    Measure("hits", "models found loaded", "%", "saturation", "cache_hit_ratio", by=RATIO, whole=100.0),
    Measure("slots", "concurrency", "%", "saturation", "concurrency_utilization_percent", whole=100.0),
    Measure("at_once", "at most at once", "", "saturation", "concurrency_max"),
    Measure("disk", "disk", "%", "saturation", "disk_percent", short="disk", family="hosts", whole=100.0),
    Measure(
        "gpu_memory", "GPU memory", "%", "saturation", "gpu_memory_percent", short="GPU memory", family="hosts",
        whole=100.0,
    ),
    Measure("stranded", "waiting without an instance", "", "queue", "stranded"),
)  # fmt: skip
"""What matters first stands first."""


class Drawn(NamedTuple):
    """One line of a plot: of whom, and its values by period. `n` is of how many each share is."""

    who: Who
    measure: Measure
    values: tuple[float | None, ...]
    n: tuple[float | None, ...] = ()


def drawn(measure: Measure, courses: Mapping[tuple[str, str, str, str], Course], who: Who) -> Drawn | None:
    """None where there is no such metric of that one."""
    one = courses.get((*who, measure.field))
    if one is None:
        return None
    if measure.over:
        requests = courses.get((*who, measure.over))
        n = requests.values if requests is not None else (None,) * len(one.values)
        pairs = zip(one.values, n, strict=True)
        return Drawn(who, measure, tuple(_share(some, of) for some, of in pairs), n)
    by = {PER_SECOND: 1 / one.period_s, PER_MINUTE: 60 / one.period_s, RATIO: 100.0}.get(measure.by)
    values = one.values if by is None else tuple(None if value is None else value * by for value in one.values)
    return Drawn(who, measure, values)


def _share(some: float | None, of: float | None) -> float | None:
    return None if some is None or not of else min(100.0, 100.0 * some / of)


class Sheaf(NamedTuple):
    """What one plot holds: one measure of several, or several measures of one."""

    title: str
    unit: str
    lines: tuple[Drawn, ...]
    group: str

    @property
    def whole(self) -> float:
        return max(line.measure.whole for line in self.lines)


def sheaves(courses: Iterable[Course], whose: Sequence[Who], group: str = OVERVIEW) -> list[Sheaf]:
    """The plots of a group, of those of `whose` that have the metric; where none has it, of all whole variants."""
    known = {one.key: one for one in courses}
    everybody = list(dict.fromkeys(one.who for one in known.values()))
    found: list[Sheaf] = []
    done: set[str] = set()
    for measure in MEASURES:
        if group not in (OVERVIEW, measure.group) or measure.id in done:
            continue
        lines = _lines(measure, known, whose) or _lines(measure, known, [who for who in everybody if not who[1]])
        title = measure.title
        if len(lines) == 1 and measure.family:
            kin = [one for one in MEASURES if one.family == measure.family and one.field != measure.field]
            more = [line for one in kin if (line := drawn(one, known, lines[0].who)) is not None]
            lines += more
            title = measure.family if more else title
            done |= {line.measure.id for line in more}
        if lines:
            found.append(Sheaf(title, measure.unit, tuple(lines), measure.group))
    return found


def _lines(measure: Measure, known: Mapping[tuple[str, str, str, str], Course], whose: Iterable[Who]) -> list[Drawn]:
    return [line for who in whose if (line := drawn(measure, known, who)) is not None]


def measure_of(found: Iterable[Finding]) -> str:
    """The measure that tells the worst finding which one does; empty where none does."""
    for one in found:
        if one.about == "errors":
            return "failed" if "failures" in one.numbers else "5xx"
        if measure := next((m.id for m in MEASURES if m.field in one.numbers), ""):
            return measure
    return ""


def fields_of(word: str) -> frozenset[str]:
    """The fields that a word of `--metric` means: a group, or a measure with what divides it; none if unknown."""
    if word == OVERVIEW:
        return frozenset(f for m in MEASURES for f in (m.field, m.over) if f)
    return frozenset(f for m in MEASURES if word in (m.group, m.id, m.field) for f in (m.field, m.over) if f)
