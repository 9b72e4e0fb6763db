"""Samples against a naive model: any order of puts, windows, moments and prunes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.ledger.samples import Sample
from console.ledger.store import Ledger

NAMES = ("a", "a-b", "b", "ü", "x\x1b[31m")
moments = st.integers(0, 30)
puts = st.tuples(
    st.just("put"),
    st.sampled_from(["s", "t"]),
    st.sampled_from(["vitals", "pulse"]),
    st.lists(st.tuples(st.sampled_from(NAMES), moments, st.binary(max_size=3)), max_size=4),
)
prunes = st.tuples(st.just("prune"), st.sampled_from(["s", "t"]), st.just(""), moments)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(puts, prunes), max_size=15), moments, moments, st.sets(st.sampled_from(NAMES)))
def test_samples_are_as_in_a_plain_dictionary(work: list, since: int, until: int, some: set[str]) -> None:  # type: ignore[type-arg]
    model: dict[tuple[str, str, str, int], bytes] = {}
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.db") as ledger:
        for what, scope, kind, given_ in work:
            if what == "prune":
                gone = [key for key in model if key[0] == scope and key[3] < given_]
                assert ledger.samples.prune(scope, given_) == len(gone)
                for key in gone:
                    del model[key]
                continue
            items = [Sample(*item) for item in given_]
            alone = kind == "pulse"
            if alone:  # as watches do: one of each subject
                items = list({item.name: item for item in items}.values())
                for item in items:
                    model = {k: v for k, v in model.items() if k[:3] != (scope, kind, item.name)}
            ledger.samples.put(scope, kind, items, alone=alone)
            model |= {(scope, kind, item.name, item.at): item.body for item in items}
        for scope in ("s", "t"):
            for kind in ("vitals", "pulse"):
                mine = sorted(Sample(k[2], k[3], v) for k, v in model.items() if k[:2] == (scope, kind))
                window = [sample for sample in mine if since <= sample.at <= until]
                assert ledger.samples.window(scope, kind, since, until) == window
                named = [sample for sample in window if sample.name in some]
                assert ledger.samples.window(scope, kind, since, until, sorted(some)) == named
                for by in (None, until):
                    newest = {sample.name: sample for sample in mine if by is None or sample.at <= by}
                    assert ledger.samples.newest(scope, kind, by=by) == sorted(newest.values())
                    assert ledger.samples.newest(scope, kind, sorted(some), by=by) == sorted(
                        sample for sample in newest.values() if sample.name in some
                    )
                assert ledger.samples.last_at(scope, kind) == max((sample.at for sample in mine), default=0)
