"""`make bench`: every figure of the README, measured side by side with its peer in one run, and written there."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from collections.abc import Callable
from typing import NamedTuple

from tests.readme import put


class Figure(NamedTuple):
    """One line of the README. `value` is a ratio or a figure with its unit in `what`; `limit` is what it may be."""

    letter: str
    what: str
    value: float
    limit: float
    detail: str = ""


def cli() -> list[Figure]:
    from tests.bench import cli as bench

    m = bench.measure()

    def figure(letter: str, what: str, part: str, limit: float) -> Figure:
        of = m[part]
        return Figure(letter, what, of["ratio"], limit, f"{of['lastgood_ms']:.0f} against {of['peer_ms']:.0f} ms")

    return [
        figure(
            "a", "warm `get endpoints` against `aws sagemaker list-endpoints`, 100 endpoints", "get_100", m["get_limit"]
        ),
        figure("a", "the same at 1,000 endpoints", "get_1000", m["get_limit"]),
        figure("b", '`lastgood --help` against `python -c "import typer"`', "help", m["help_limit"]),
    ]


def start() -> list[Figure]:
    from tests.bench import start as bench

    m = bench.measure()
    return [
        Figure("c", "console start to first useful screen against a minimal Textual app with an empty DataTable",
               m["start"], 1.6, f"{m['console_ms']:.0f} against {m['peer_ms']:.0f} ms")
    ]  # fmt: skip


def table() -> list[Figure]:
    from tests.bench import table as bench

    m = bench.measure()
    names = {
        "cpu_random": ("d", "10,000 rows, 50 random cells a second: CPU against DataTable"),
        "cpu_visible": ("d", "the same, 50 visible cells a second"),
        "bytes_random": ("d", "bytes to the terminal, random cells"),
        "bytes_visible": ("d", "bytes to the terminal, visible cells"),
        "key_p99_visible": ("d", "key to paint, p99, visible cells"),
        "rest_bytes": ("e", "bytes to the terminal in 10 s at rest"),
        "rest_cpu_percent": ("e", "CPU percent at rest"),
    }
    return [Figure(letter, what, m[key], bench.LIMITS[key]) for key, (letter, what) in names.items()]


def calls() -> list[Figure]:
    from tests.bench import calls as bench

    return [Figure("f", what, value, limit, detail) for what, value, limit, detail in bench.measure()["figures"]]


def ledger() -> list[Figure]:
    from tests.bench import ledger_as_of as bench

    m = bench.measure()
    return [
        Figure("g", "fleet as of any moment, 10,000 subjects x 30 versions, decoded, ms", m["as_of_median_ms"],
               bench.LIMIT_MS, f"{m['as_of_min_ms']:.0f} at best")
    ]  # fmt: skip


def plot() -> list[Figure]:
    from tests.bench import plot as bench

    m = bench.measure()
    return [
        Figure("h", "redraw of a plot of 10,000 points at 80 columns, key to paint, median ms", m["median_ms"],
               bench.LIMIT_MS, f"p99 {m['p99_ms']:.0f}, {m['best_ms']:.0f} at best")
    ]  # fmt: skip


def vitals() -> list[Figure]:
    from tests.bench import vitals as bench

    m, used = bench.cost(), bench.memory()
    told = f"console {used['console']:.0f}, collector {used['collector']:.0f}: what both load counts twice"
    limits = bench.LIMITS
    return [
        Figure("i", "vital signs of 1,000 endpoints, 20 on screen and 5 unhealthy: calls against one for each metric "
               "every 15 s", m["calls"], limits["calls"], m["calls_detail"]),
        Figure("i", "the same, dollars", m["dollars"], limits["dollars"], m["dollars_detail"]),
        Figure("j", "memory of console and collector with 1,000 endpoints and 3 h of vital signs, MB",
               used["memory_mb"], limits["memory_mb"], told),
    ]  # fmt: skip


PARTS: tuple[Callable[[], list[Figure]], ...] = (cli, start, table, calls, ledger, plot, vitals)


def render(figures: list[Figure]) -> str:
    when = datetime.datetime.now(datetime.UTC).date().isoformat()
    lines = [
        f"By `make bench` on {when}: {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}. "
        "Ratios are medians of paired runs on a shared, noisy machine.",
        "",
        "| | what | measured | at most | |",
        "|---|---|---|---|---|",
    ]
    for f in figures:
        over = "" if f.value <= f.limit else " (missed)"
        limit = f"{f.limit:g}" if f.limit != float("inf") else "–"
        lines.append(f"| {f.letter} | {f.what} | {f.value:.3g}{over} | {limit} | {f.detail} |")
    return "\n".join(lines)


def main(wanted: list[str]) -> int:
    figures: list[Figure] = []
    for part in PARTS:
        if wanted and part.__name__ not in wanted:
            continue
        print(f"measuring {part.__name__} …", file=sys.stderr, flush=True)
        found = part()
        figures += found
        for f in found:
            verdict = "ok    " if f.value <= f.limit else "MISSED"
            print(f"{verdict} {f.letter} {f.value:10.3g} (at most {f.limit:g})  {f.what}  {f.detail}", flush=True)
    if not wanted:
        put("bench", render(figures))
    return int(any(f.value > f.limit for f in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
