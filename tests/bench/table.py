"""Benchmarks (d) and (e): the live table against Textual's DataTable side by side, and the console at rest."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

from tests.bench.table_app import name
from tests.screens.pty import Pty

_WINDOW_S = 10.0
_KEYS = 240
_SIZE = {"columns": 120, "lines": 40}
LIMITS = {
    "cpu_random": 0.2, "cpu_visible": 0.2, "bytes_random": 0.1, "bytes_visible": 0.75, "key_p99_visible": 0.5,
    "rest_bytes": 0, "rest_cpu_percent": 1.0,
}  # fmt: skip
"""The most each figure may be: ratios own / DataTable, bytes in 10 s, percent of one core."""


def _load(table: str, mode: str) -> dict[str, float]:
    """Bytes a second, CPU percent and key-to-paint ms (p50, p99) of one table under one load, 120x40."""
    with Pty([sys.executable, "-m", "tests.bench.table_app", table, mode], **_SIZE) as app:
        app.wait_for(name(20), timeout=60)
        time.sleep(2.0)
        cpu, count, began = app.cpu_s(), app.count, time.perf_counter()
        time.sleep(_WINDOW_S)
        window = time.perf_counter() - began
        figures = {
            "bytes_per_s": len(app.output(count)) / window,
            "cpu_percent": 100 * (app.cpu_s() - cpu) / window,
        }
        times: list[float] = []
        row, step = 0, 1
        for _ in range(_KEYS):
            step = -1 if row == 30 else 1 if row == 0 else step
            row += step
            count, began = app.count, time.perf_counter()
            app.send("\x1b[B" if step > 0 else "\x1b[A")
            times.append(1000 * (app.wait_for(name(row), since=count) - began))
            time.sleep(0.053)  # out of step with the news, so that they meet in every phase
    times.sort()
    figures["key_p50_ms"], figures["key_p99_ms"] = statistics.median(times), times[int(len(times) * 0.99)]
    return figures


def _rest() -> dict[str, float]:
    """The whole console with 10,000 rows while nothing happens: bytes in 10 s between two minutes, CPU percent."""
    with Pty([sys.executable, "-m", "tests.bench.rest_app"], **_SIZE) as app:
        app.wait_for("svc-00005", timeout=60)
        app.settle(2.0, timeout=30)
        if (second := time.time() % 60) > 60 - _WINDOW_S - 2:
            time.sleep(62 - second)  # the clock of the header moves on once a minute: that is a displayed step
        cpu, count = app.cpu_s(), app.count
        time.sleep(_WINDOW_S)
        return {
            "rest_bytes": len(app.output(count)),
            "rest_cpu_percent": 100 * (app.cpu_s() - cpu) / _WINDOW_S,
        }


def measure() -> dict[str, Any]:
    """All figures, and the ratios of `LIMITS`. Takes about three minutes."""
    raw = {f"{table}_{mode}": _load(table, mode) for mode in ("random", "visible") for table in ("live", "datatable")}

    def ratio(figure: str, mode: str) -> float:
        return raw[f"live_{mode}"][figure] / raw[f"datatable_{mode}"][figure]

    result: dict[str, Any] = {"raw": raw}
    for mode in ("random", "visible"):
        result[f"cpu_{mode}"] = ratio("cpu_percent", mode)
        result[f"bytes_{mode}"] = ratio("bytes_per_s", mode)
        result[f"key_p99_{mode}"] = ratio("key_p99_ms", mode)
    return result | _rest()


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
