"""Bench (g): the fleet as of any moment, decoded: 10,000 subjects x 30 versions. `python -m tests.bench.ledger_as_of`.

The history is made by `Ledger.observe`, version by version, from a seed: what it reads has the layout of a real file.
"""

from __future__ import annotations

import gc
import random
import statistics
import tempfile
import time
from bisect import bisect_right
from pathlib import Path

import msgspec

from console.clock import DAY, HOUR
from console.ledger.store import Ledger

LIMIT_MS = 100.0
SCOPE = "aws:123456789012:eu-west-1"
START = 1_790_000_000_000


class Variant(msgspec.Struct, frozen=True):
    name: str
    weight: float
    instances: int
    desired_instances: int
    instance_type: str
    model: str


class Endpoint(msgspec.Struct, frozen=True):
    """About what an endpoint's record holds: 500 bytes."""

    name: str
    status: str
    config: str
    modified_at: int
    variants: tuple[Variant, ...]
    tags: dict[str, str]


def record(name: str, version: int) -> Endpoint:
    variants = tuple(
        Variant(f"variant-{n}", 1.0, 2 + version % 3, 3, "ml.m5.xlarge", f"{name}-model-v{version}") for n in range(2)
    )
    tags = {"team": "risk", "owner": "ada@example.com", "stage": "prod", "managed-by": "terraform"}
    return Endpoint(name, "InService", f"{name}-config-v{version}", START + version, variants, tags)


def fill(ledger: Ledger, subjects: int, versions: int, chance: random.Random) -> dict[str, list[int]]:
    """Each subject changes once a day, at a moment of its own, so that its rows lie scattered over the file.

    Returns the moments of change by name.
    """
    names = [f"endpoint-{n:05d}" for n in range(subjects)]
    encode = msgspec.json.Encoder().encode
    moments: dict[str, list[int]] = {name: [] for name in names}
    for version in range(versions):
        chance.shuffle(names)
        for sweep in range(10):
            at = START + version * DAY + sweep * 2 * HOUR
            changed = names[sweep::10]
            ledger.observe(SCOPE, "endpoint", [(name, encode(record(name, version)), at) for name in changed], at=at)
            for name in changed:
                moments[name].append(at)
    return moments


def measure(subjects: int = 10_000, versions: int = 30, repeats: int = 15, seed: int = 7) -> dict[str, float]:
    """Milliseconds of wall time: median and minimum over random moments, with decoding; and the same for live heads."""
    chance = random.Random(seed)
    decode = msgspec.json.Decoder(Endpoint).decode
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with Ledger.open(path) as ledger:
            begun = time.perf_counter()
            moments = fill(ledger, subjects, versions, chance)
            filled_s = time.perf_counter() - begun
        with Ledger.open(path) as ledger:
            past, live, cpu = [], [], []
            gc.collect()
            gc.freeze()  # the bench's own bookkeeping is nothing that a reader has to walk through
            for _ in range(repeats):
                at = START + DAY + chance.randrange((versions - 1) * DAY)
                begun, worked = time.perf_counter(), time.process_time()
                views = [decode(fact.body) for fact in ledger.as_of(SCOPE, "endpoint", at)]
                past.append((time.perf_counter() - begun) * 1000)
                cpu.append((time.process_time() - worked) * 1000)
                expected = {name: START + bisect_right(changes, at) - 1 for name, changes in moments.items()}
                assert {view.name: view.modified_at for view in views} == expected
                begun = time.perf_counter()
                views = [decode(fact.body) for fact in ledger.heads(SCOPE, "endpoint")]
                live.append((time.perf_counter() - begun) * 1000)
                assert len(views) == subjects
            gc.unfreeze()
            size = ledger.info().bytes
    return {
        "subjects": subjects,
        "versions": versions,
        "as_of_median_ms": round(statistics.median(past), 1),
        "as_of_min_ms": round(min(past), 1),
        "as_of_max_ms": round(max(past), 1),
        "as_of_cpu_median_ms": round(statistics.median(cpu), 1),
        "heads_median_ms": round(statistics.median(live), 1),
        "observe_us_per_fact": round(filled_s * 1e6 / subjects / versions, 1),
        "file_mb": round(size / 1e6, 1),
        "limit_ms": LIMIT_MS,
    }


if __name__ == "__main__":
    figures = measure()
    print(figures)
    raise SystemExit(figures["as_of_median_ms"] > LIMIT_MS)
