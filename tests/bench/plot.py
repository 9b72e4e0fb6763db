"""Bench (h): redraw of a plot of 10,000 points in a terminal of 80x24, all of them new, from key to paint.

`python -m tests.bench.plot`. The app runs in a pseudo-terminal: reading the key, decimating, drawing, comparing and
writing are all in it.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from tests.bench.plot_app import word
from tests.screens.pty import Pty

LIMIT_MS = 25.0
DRAWS = 300


def measure() -> dict[str, float]:
    """Milliseconds: median and p99 of `DRAWS`. The first ten warm up."""
    times: list[float] = []
    with Pty([sys.executable, "-m", "tests.bench.plot_app"], columns=80, lines=24) as app:
        app.wait_for(word(0), timeout=60)
        for n in range(1, DRAWS + 11):
            count, began = app.count, time.perf_counter()
            app.send("n")
            seen = app.wait_for(word(n), since=count)
            times.append(1000 * (seen - began))
            time.sleep(0.02)
    times = sorted(times[10:])
    return {"median_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)], "best_ms": times[0]}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
