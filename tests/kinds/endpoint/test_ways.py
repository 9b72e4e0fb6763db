"""Ways back: each source of evidence alone, all of them together, and what is never chosen by itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import DAY, HOUR, MINUTE
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import Endpoint, Pending
from console.kinds.endpoint.ways import Grade, Reign, Way, choose, doubted, stem, ways
from console.kinds.hold.record import Act

NOW = 1_795_489_920_000  # 2026-11-24T03:12:00Z


def endpoint(config: str = "v8", pending: str = "") -> Endpoint:
    return Endpoint(
        name="risk",
        arn="",
        status="Updating" if pending else "InService",
        config=config,
        pending=Pending(pending) if pending else None,
    )


def deployed(
    target: str, ago: int, until: int | None = None, outcome: Outcome = Outcome.SUCCEEDED, **more: Any
) -> Deployment:
    """`ago` and `until` in milliseconds before now."""
    fields = {"source": "", "by": "ci-deployer", "actor": "ci"} | more
    return Deployment(
        target=target, started_at=NOW - ago, outcome=outcome, until=None if until is None else NOW - until, **fields
    )


def seen(*configs: str, since: int = DAY, until: int = HOUR) -> dict[str, Reign]:
    """In service until an hour ago; times in milliseconds before now."""
    return {config: Reign(NOW - since, NOW - until, since - until) for config in configs}


def act(before: str, target: str, ago: int = HOUR) -> Act:
    return Act("endpoint", "risk", "rollback", before, target, "arn", NOW - ago, "a")


def found(*deployments: Deployment, on: Endpoint | None = None, **sources: Any) -> dict[str, Way]:
    return {w.config: w for w in ways(on or endpoint(), deployments, now=NOW, **sources)}


def test_nothing_known_nothing_offered() -> None:
    assert found() == {} and choose([]) is None


def test_the_deployment_in_motion_alone() -> None:
    told = found(on=endpoint("v7", "v8"))
    assert told["v7"].grade is Grade.SERVED and told["v7"].evidence == ("serves now",)
    assert "v8" not in told
    assert choose(list(told.values())) == told["v7"]


def test_what_serves_during_a_deployment_is_chosen_before_what_served_earlier() -> None:
    told = found(
        deployed("v8", 6 * MINUTE, outcome=Outcome.IN_PROGRESS, source="v7"),
        deployed("v7", 12 * DAY),
        deployed("v6", 30 * DAY, 12 * DAY),
        on=endpoint("v7", "v8"),
    )
    best = choose(list(told.values()))
    assert best is not None and best.config == "v7"


def test_own_observations_alone() -> None:
    told = found(deployed("v8", HOUR), deployed("v7", 12 * DAY, HOUR))
    assert told["v7"].grade is Grade.SERVED
    assert told["v7"].evidence == ("deployed 12 Nov 03:12Z by ci-deployer, served for 11 d",)
    assert (told["v7"].served_ms, told["v7"].by) == (12 * DAY - HOUR, "ci-deployer")
    told = found(seen=seen("v7", "v8"))["v7"]
    assert told.evidence == ("seen InService",) and (told.since, told.until) == (NOW - DAY, NOW - HOUR)
    assert told.grade is Grade.SERVED and choose([told]) == told


@pytest.mark.parametrize(
    ("until", "grade"), [(10 * DAY, Grade.SET), (12 * DAY - 10 * MINUTE, Grade.ALIKE), (None, Grade.ALIKE)]
)
def test_cloudtrail_alone(until: int | None, grade: Grade) -> None:
    """Set and not replaced for an hour, or replaced at once: somebody may have found it bad."""
    told = found(deployed("v7", 12 * DAY, until, Outcome.UNKNOWN))["v7"]
    assert told.grade is grade and "its outcome was not watched" in told.evidence[0]


def test_cloudwatch_alone() -> None:
    """A canary that failed had traffic under its name, too: it suggests a config, and is never enough to choose it."""
    told = found(with_traffic=["v7", "v8"])
    assert list(told) == ["v7"] and told["v7"].grade is Grade.ALIKE
    assert told["v7"].evidence == ("CloudWatch has traffic under its name",)
    failed = found(deployed("v7", 3 * HOUR, 3 * HOUR - 10 * MINUTE, Outcome.UNKNOWN), with_traffic=["v7"])
    assert failed["v7"].grade is Grade.ALIKE and choose([*told.values(), *failed.values()]) is None


def test_names_and_tags_alone_are_never_chosen() -> None:
    told = found(configs={"v7": NOW - DAY, "v8": NOW, "previous": None})
    assert {config: way.grade for config, way in told.items()} == {"v7": Grade.ALIKE, "previous": Grade.ALIKE}
    assert told["v7"].evidence == ("exists since 23 Nov 03:12Z, named alike",)
    assert told["previous"].evidence == ("named by a tag",)
    assert choose(list(told.values())) is None


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ROLLED_BACK])
def test_what_failed_is_bad_whatever_else_speaks_for_it(outcome: Outcome) -> None:
    told = found(deployed("v7", DAY, outcome=outcome), seen=seen("v7"), with_traffic=["v7"], configs={"v7": NOW})
    assert told["v7"].grade is Grade.BAD and choose(list(told.values())) is None


def test_what_was_rolled_away_from_is_bad() -> None:
    told = found(
        deployed("v7", HOUR),
        deployed("v8", 2 * HOUR, HOUR),
        deployed("v7", DAY, 2 * HOUR),
        deployed("v6", 9 * DAY, DAY),
        on=endpoint("v7"),
        acts=[act("v8", "v7")],
        seen=seen("v8"),
    )
    assert told["v8"].grade is Grade.BAD and told["v8"].evidence[0] == "left by the roll back of 02:12Z"
    best = choose(list(told.values()))
    assert best is not None and best.config == "v6"


def test_what_others_rolled_away_from_is_bad_too() -> None:
    """Nobody told us, but going back to what had served longer says enough."""
    told = found(
        deployed("v7", HOUR),
        deployed("v8", 2 * HOUR, HOUR),
        deployed("v7", DAY, 2 * HOUR),
        deployed("v6", 9 * DAY, DAY),
        on=endpoint("v7"),
        seen=seen("v8"),
    )
    assert told["v8"].grade is Grade.BAD and told["v8"].evidence[0] == "left for v7 again 02:12Z"
    best = choose(list(told.values()))
    assert best is not None and best.config == "v6"


@pytest.mark.parametrize("known", [True, False])
def test_an_undone_fix_stays_the_way_back(known: bool) -> None:
    told = found(
        deployed("v8", 10 * MINUTE, actor="tf"),
        deployed("v7", HOUR, 10 * MINUTE),
        deployed("v8", 2 * HOUR, HOUR),
        deployed("v7", 9 * DAY, 2 * HOUR),
        on=endpoint("v8"),
        acts=[act("v8", "v7")] if known else [],
    )
    best = choose(list(told.values()))
    assert best is not None and best.config == "v7" and best.grade is Grade.SERVED


def test_all_sources_together_are_told_once_each_best_first() -> None:
    told = ways(
        endpoint("v8"),
        [
            deployed("v8", HOUR),
            deployed("v7", 3 * DAY, HOUR),
            deployed("v6", 9 * DAY, 3 * DAY, Outcome.UNKNOWN),
            deployed("v5", 9 * DAY, outcome=Outcome.FAILED),
            deployed("v4", 30 * DAY, 9 * DAY),
        ],
        now=NOW,
        seen=seen("v7", "v8"),
        with_traffic=["v7"],
        configs={"v3": NOW - 40 * DAY, "v7": NOW - 3 * DAY, "v6": NOW - 9 * DAY},
    )
    assert [(w.config, w.grade.name) for w in told] == [
        ("v7", "SERVED"), ("v4", "SERVED"), ("v6", "SET"), ("v3", "ALIKE"), ("v5", "BAD"),
    ]  # fmt: skip
    assert told[0].evidence[1:] == ("seen InService", "CloudWatch has traffic under its name")
    assert told[1].evidence[-1] == "not among the configs named alike: check that it exists"
    assert [w.to_json()["grade"] for w in told] == ["served", "served", "set", "alike", "bad"]
    best = choose(told)
    assert best is not None and best.config == "v7"


def test_what_two_roll_backs_left_is_bad_though_only_the_last_is_on_top() -> None:
    """v8 failed, then v7 too: going further back must not end at v8 again, which had served longer than v7."""
    told = found(
        deployed("v6", 10 * MINUTE),
        deployed("v7", HOUR, 10 * MINUTE),
        deployed("v8", 9 * HOUR, HOUR),
        deployed("v7", 11 * HOUR, 9 * HOUR),
        deployed("v5", 30 * DAY, 11 * HOUR),
        on=endpoint("v6"),
        acts=[act("v8", "v7"), act("v7", "v6", 5 * MINUTE)],
    )
    assert told["v8"].grade is told["v7"].grade is Grade.BAD
    best = choose(list(told.values()))
    assert best is not None and best.config == "v5"


def test_what_was_left_and_set_again_stays_bad_until_it_has_served_longer() -> None:
    """Terraform put v8 back for ten minutes, then came v9: the way back is v7."""
    history = [
        deployed("v9", 5 * MINUTE),
        deployed("v8", 15 * MINUTE, 5 * MINUTE, actor="tf"),
        deployed("v7", HOUR, 15 * MINUTE),
        deployed("v8", 2 * HOUR, HOUR),
        deployed("v7", 9 * DAY, 2 * HOUR),
    ]
    told = found(*history, on=endpoint("v9"))
    assert told["v8"].grade is Grade.BAD
    best = choose(list(told.values()))
    assert best is not None and best.config == "v7"


def test_a_config_that_was_mended_and_served_for_long_is_good_again() -> None:
    history = [deployed("v9", HOUR), deployed("v8", 20 * DAY, HOUR), deployed("v7", 30 * DAY, 20 * DAY)]
    told = found(*history, on=endpoint("v9"), acts=[act("v8", "v7", 30 * DAY)])
    assert told["v8"].grade is Grade.SERVED
    told = found(*history, on=endpoint("v9"), acts=[act("v8", "v7", 10 * DAY)])
    assert told["v8"].grade is Grade.BAD, "left after it was set"


def test_of_two_bad_ones_in_a_row_neither_is_the_way_back() -> None:
    """v8 was seen to succeed and was replaced after 20 minutes by v8.1, which is no better: back to v7."""
    history = [
        deployed("v8.1", 10 * MINUTE),
        deployed("v8", 30 * MINUTE, 10 * MINUTE),
        deployed("v7", DAY, 30 * MINUTE),
    ]
    told = found(*history, on=endpoint("v8.1"))
    assert told["v8"].brief and not told["v7"].brief
    best = choose(list(told.values()))
    assert best is not None and best.config == "v7"
    assert choose([told["v8"]]) == told["v8"], "better than nothing, and said"
    # The reign counts in all: v7 was set again ten minutes before.
    told = found(deployed("v7", 40 * MINUTE, 30 * MINUTE), *history[1:], on=endpoint("v8.1"))
    assert not told["v7"].brief


def test_a_config_set_again_over_itself_goes_on_serving() -> None:
    """v7 was set again ten minutes before v8, which served for an hour and was left: v8 is the bad one."""
    told = found(
        deployed("v7", HOUR),
        deployed("v8", 3 * HOUR, HOUR),
        deployed("v7", 3 * HOUR + 10 * MINUTE, 3 * HOUR),
        deployed("v7", 9 * DAY, 3 * HOUR + 10 * MINUTE),
        on=endpoint("v7"),
    )
    assert told["v8"].grade is Grade.BAD


def test_what_served_an_endpoint_of_the_same_name_before_is_only_suggested() -> None:
    on = msgspec.structs.replace(endpoint("v2"), created_at=NOW - 2 * DAY)
    history = [deployed("v2", HOUR), deployed("v1", 2 * DAY, HOUR), deployed("old-v9", 30 * DAY, 2 * DAY)]
    told = found(*history, on=on, with_traffic=["old-v9"])
    assert told["old-v9"].grade is Grade.ALIKE and "created again" in told["old-v9"].evidence[1]
    assert choose([told["old-v9"]]) is None and told["v1"].grade is Grade.SERVED
    assert found(*history, on=on, seen=seen("old-v9"))["old-v9"].grade is Grade.SERVED, "it serves this one, too"


def test_a_config_deleted_and_created_again_under_its_name_is_another_one() -> None:
    history = [deployed("v8", HOUR), deployed("v7", 9 * DAY, HOUR)]
    told = found(*history, seen=seen("v7", "v6"), configs={"v7": NOW - 30 * MINUTE, "v6": NOW - 30 * MINUTE})
    assert told["v7"].grade is told["v6"].grade is Grade.ALIKE and choose(list(told.values())) is None
    assert told["v7"].evidence[0] == "created anew 02:42Z: what served was another config of that name"
    same = found(*history, configs={"v7": NOW - 9 * DAY - HOUR})["v7"]
    assert same.grade is Grade.SERVED and doubted(same, None, NOW) is same


names = st.text(max_size=20) | st.sampled_from(["v1", "[red]", "\x1b[31m", "v‮7", "x" * 63, "{}", "v8"])
deployments = st.builds(
    Deployment,
    source=names,
    target=names,
    started_at=st.none() | st.integers(NOW - DAY, NOW),
    ended_at=st.none() | st.integers(NOW - DAY, NOW),
    outcome=st.sampled_from(list(Outcome)),
    by=names,
    until=st.none() | st.integers(NOW - DAY, NOW),
)


@given(
    st.lists(deployments, max_size=6), names, st.lists(names, max_size=3), st.lists(names, max_size=3),
    st.none() | st.dictionaries(names, st.none() | st.just(NOW), max_size=3), names,
)  # fmt: skip
def test_whatever_the_names_are(
    told: list[Deployment], config: str, sights: list[str], traffic: list[str], configs: Any, pending: str
) -> None:
    on = endpoint(config, pending)
    candidates = ways(on, told, now=NOW, seen=seen(*sights), with_traffic=traffic, configs=configs)
    assert on.serving not in {w.config for w in candidates}, "what serves is no way back"
    assert len({w.config for w in candidates}) == len(candidates)
    assert [w.grade for w in candidates] == sorted((w.grade for w in candidates), reverse=True)
    best = choose(candidates)
    assert best is None or best.grade >= Grade.SET
    assert best is not None or all(w.grade < Grade.SET for w in candidates)
    msgspec.json.encode([w.to_json() for w in candidates])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("delay-risk-v8", "delay-risk"),
        ("delay-risk-2026-11-23", "delay-risk"),
        ("delay-risk-config", "delay-risk"),
        ("delay-risk-prod-v8.1", "delay-risk"),
        ("delay-risk", "delay-risk"),
        ("v8", "v8"),
        ("", ""),
    ],
)
def test_what_siblings_share(name: str, expected: str) -> None:
    assert stem(name) == expected
