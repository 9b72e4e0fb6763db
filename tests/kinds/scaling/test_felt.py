"""What scaling says about an endpoint, beside what its vital signs say."""

from __future__ import annotations

from typing import Any

from console.kinds.base import Sign, Verdict
from console.kinds.scaling.felt import findings, together
from console.kinds.scaling.record import COPIES, INSTANCES, Target
from console.kinds.scaling.seen import Load
from console.kinds.scaling.view import ScalingView
from console.kinds.vitals.finding import Finding


def view(sign: Sign, words: str, resource: str = "endpoint/rank/variant/main", **more: Any) -> ScalingView:
    dimension = INSTANCES if resource.startswith("endpoint/") else COPIES
    return ScalingView(target=Target(resource, dimension, 2, 8), observed_at=0, code="at_max",
                       verdict=Verdict(sign, words, ("why",)), **more)  # fmt: skip


def test_only_trouble_is_a_finding_and_says_whose_where_there_are_several() -> None:
    targets = [
        view(Sign.WARNING, "at max 8/8", current=8, load=Load(9.0, 7.0)),
        view(Sign.OK, "ok"),
        view(Sign.HELD, "scale-in suspended"),
        view(Sign.WARNING, "at max 4/4", "inference-component/b2b"),
    ]
    alone, component = findings(targets, 1)
    assert alone.words == "at max 8/8" and alone.about == "scaling" and alone.variant == "main"
    assert alone.numbers == {
        "current": 8.0, "max": 8.0, "requests_per_host_per_min": 9.0, "target_per_host_per_min": 7.0,
    }  # fmt: skip
    assert component.words == "b2b: at max 4/4"
    assert findings(targets[:1], 2)[0].words == "main: at max 8/8"


def test_what_explains_comes_before_what_it_causes_and_worse_before_both() -> None:
    slow, failing = Finding(Sign.WARNING, "slow", ()), Finding(Sign.CRITICAL, "failing", ())
    (full,) = findings([view(Sign.WARNING, "at max 8/8")], 1)
    assert [f.words for f in together((failing, slow), (full,))] == ["failing", "at max 8/8", "slow"]
