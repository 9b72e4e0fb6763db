"""What is asked for about capacity, and what the load proposes: records in, numbers out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from console.errors import Refused, UsageError
from console.kinds.capacity.looking import Ground, Subject
from console.kinds.capacity.need import needed
from console.kinds.capacity.wish import Wish, effect_of, new, proposed, wished
from console.kinds.endpoint.record import Endpoint, Variant
from console.kinds.scaling.record import INSTANCES, Target
from console.kinds.scaling.seen import Load, Quota, Seen
from console.kinds.vitals.record import Pulse, Signs, Was


def subject(count: int, bounds: tuple[int, int] | None = (2, 8)) -> Subject:
    v = Variant("AllTraffic", 1.0, 1.0, count, count)
    e = Endpoint(name="rank", arn="arn", status="InService", config="v1", variants=(v,))
    t = Target("endpoint/rank/variant/AllTraffic", INSTANCES, *bounds) if bounds else None
    return Subject("rank/AllTraffic", INSTANCES, e, v, t)


def ground(s: Subject, load: Load | None = None, *, busy: float = 0.0, quota: Quota | None = None) -> Ground:
    beat = Pulse(0, 0, 1, (Signs("AllTraffic", minutes=5, cpu_percent=busy),))
    seen = Seen(s.stated, current=s.current, desired=s.desired, load=load or Load(), quota=quota)
    view: Any = SimpleNamespace(pulse=beat)
    return Ground(view, SimpleNamespace(), seen)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "wish"),
    [
        ({}, Wish()),
        ({"min": "", "max": None, "desired": "3"}, Wish(desired=3)),
        ({"min": "2", "max": 9}, Wish(2, 9)),
        ({"min": 0, "max": 0}, Wish(0, 0)),
    ],
)
def test_numbers_as_they_come_from_a_form_or_a_command(given: dict[str, Any], wish: Wish) -> None:
    assert wished(given) == wish


@pytest.mark.parametrize("given", [{"min": -1}, {"max": 10_001}, {"min": 3, "max": 2}])
def test_numbers_that_cannot_be_meant(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        wished(given)


def test_what_is_so_already_is_not_asked_for() -> None:
    s = subject(4)
    assert new(Wish(2, 10), s) == Wish(max=10)
    assert new(Wish(2, 8, 6), s) == Wish(desired=6), "a form gives the bounds as they are"
    for same in (Wish(2, 8), Wish(desired=4)):
        with pytest.raises(Refused, match="has that already: 4 of 2–8 instances"):
            new(same, s)
    with pytest.raises(UsageError, match="min 9 would be above max 8"):
        new(Wish(min=9), s)


@pytest.mark.parametrize(
    ("count", "wish", "then"),
    [(4, Wish(min=6), 6), (4, Wish(max=3), 3), (4, Wish(max=12), 4), (4, Wish(desired=7), 7), (1, Wish(max=9), 2)],
)
def test_registering_moves_capacity_into_the_bounds(count: int, wish: Wish, then: int) -> None:
    assert effect_of(subject(count), wish).then == then


@pytest.mark.parametrize(
    ("s", "load", "busy", "wish"),
    [
        (subject(8), Load(5000.0, 2800.0), 0.0, Wish(max=18)),  # 8 x 1.79, and a fifth to spare
        (subject(4), Load(5000.0, 2800.0), 0.0, Wish(min=8)),  # as far as the maximum goes
        (subject(4), Load(1000.0, 2800.0), 0.0, Wish(min=5)),  # nothing asks for it: one more
        (subject(3, None), Load(900.0, None, 100.0), 99.0, Wish(desired=5)),  # by how busy its hosts are
        (subject(3, None), Load(), 20.0, Wish(desired=4)),
    ],
)
def test_what_the_load_proposes(s: Subject, load: Load, busy: float, wish: Wish) -> None:
    assert proposed(s, ground(s, load, busy=busy))[0] == wish


def test_a_proposal_stays_within_the_quota_and_grows_at_all() -> None:
    s, load = subject(8), Load(5000.0, 2800.0)
    wish, why = proposed(s, ground(s, load, quota=Quota("ml.g5.xlarge", 12, 8)))
    assert wish == Wish(max=12) and why == (
        "40,000 requests a minute need 15 at 2,800 each, and a fifth to spare; the quota allows 12"
    )
    full = proposed(s, ground(s, load, quota=Quota("ml.g5.xlarge", 8, 8)))
    assert full[0] == Wish(max=18), "the preflight refuses it"
    assert needed(1, ground(subject(1))).hosts == 2


def test_the_load_of_all_counts_not_that_of_those_that_serve_times_those_that_will() -> None:
    """3 → 5 is under way, or was done when the judged minutes had 3 hosts."""
    load = Load(27_410.0, 10_966.0, None, 82_230.0)
    for s in (subject(3), subject(5)):
        assert needed(s.desired or 0, ground(s, load)).hosts == 9
    assert load.among(9, 5) == pytest.approx(9136.7, abs=0.1)
    assert Load(27_410.0).among(9, 3) == pytest.approx(9136.7, abs=0.1), "of what serves, where no total is known"
    assert needed(5, ground(subject(5), Load(16_446.0, None, None, 82_230.0, 3.0), busy=100.0)).hosts == 5
    waiting = ground(subject(5), load)._replace(waits="scaled 3→5 at 14:06Z, wait for its metrics (~14:14Z)")
    with pytest.raises(Refused, match="scaled 3→5 at 14:06Z, wait for its metrics"):
        proposed(subject(5), waiting)


def of_signs(s: Subject, one: Signs, was: Was | None = None) -> Ground:
    g = ground(s)
    view: Any = SimpleNamespace(pulse=Pulse(0, 0, 1, (one,), was=(was,) if was else ()))
    return g._replace(view=view)


def test_a_queue_asks_for_as_many_as_empty_it_within_the_hour() -> None:
    s = subject(1, None)
    one = Signs("AllTraffic", minutes=5, invocations=13, backlog=300, oldest_request_s=2400, gpu_percent=99)
    need = needed(1, of_signs(s, one))
    assert need.hosts == 5, "7.5 come and 5 a minute of those that wait, at 2.6 each"
    assert need.words == (
        "7.5 requests a minute come and one instance does 2.6: 3 keep up, 5 empty the queue of 300 within the hour"
    )


@pytest.mark.parametrize(
    ("have", "hits", "overhead", "steps"),
    [(1, 0.62, 746.0, "1 to 4 such steps"), (2, 0.89, 206.0, "1 to 2 such steps"), (4, 0.3, 1400.0, "2 to 5 such")],
)
def test_models_that_do_not_fit_ask_for_twice_the_room_and_say_how_often(
    have: int, hits: float, overhead: float, steps: str
) -> None:
    one = Signs("AllTraffic", minutes=5, invocations=5000, cache_hit_ratio=hits, loading_wait_ms=1942,
                overhead_avg_ms=overhead)  # fmt: skip
    need = needed(have, of_signs(subject(have, None), one, Was("AllTraffic", 7, overhead_avg_ms=27.5)))
    assert need.hosts == 2 * have and steps in need.words
    assert f"{100 * hits:.0f} % of models are found loaded on {have} instance" in need.words
