"""Endpoints seen at few calls: on the embedded world, through the collector, every call counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.kinds.base import Sign
from console.kinds.deployment.record import Outcome
from console.kinds.endpoint.record import Endpoint
from console.kinds.reading import decode
from console.world.identity import CI
from tests.kinds.conftest import SCOPE, Bench

Make = Callable[..., Bench]


def endpoints(bench: Bench) -> dict[str, Endpoint]:
    return {e.name: e for e in decode(bench.snapshot, "endpoint", Endpoint)}


def calls(bench: Bench) -> dict[str, int]:
    """What one look at the endpoints cost."""
    spent, errors = bench.look()
    assert errors == []
    return dict(spent)


@pytest.fixture
def rested(bench: Make) -> Bench:
    """Looked at twice, in a world where nothing moved lately."""
    made = bench()
    made.tick(3600)
    calls(made)
    made.tick(20)
    calls(made)
    made.tick(20)
    return made


def deploy(bench: Bench, name: str, config: str, **more: Any) -> None:
    bench.call("UpdateEndpoint", EndpointName=name, EndpointConfigName=config, caller=CI, **more)


def other(bench: Bench, name: str) -> str:
    """A config the endpoint was on before."""
    now = bench.call("DescribeEndpoint", EndpointName=name)["EndpointConfigName"]
    found = bench.call("ListEndpointConfigs", NameContains=f"{name}-v", MaxResults=100)["EndpointConfigs"]
    return next(one["EndpointConfigName"] for one in found if one["EndpointConfigName"] != now)


def test_the_first_look_costs_a_search_and_a_list(bench: Make) -> None:
    one = bench()
    spent = calls(one)
    assert spent["Search"] == 1 and spent["ListEndpoints"] == 1
    assert spent.get("DescribeEndpoint", 0) == 0, "what rests is told well enough by the index"
    assert len(endpoints(one)) == 4
    assert all(e.config and e.tags for e in endpoints(one).values())


def test_at_rest_a_sweep_is_one_search(rested: Bench) -> None:
    seq = rested.ledger.last_seq()
    for _ in range(6):
        assert calls(rested) == {"Search": 1}
        rested.tick(20)
    assert rested.ledger.last_seq() == seq, "nothing new, no new fact"


def test_every_ten_minutes_a_list_reconciles(rested: Bench) -> None:
    rested.tick(600)
    assert calls(rested) == {"Search": 1, "ListEndpoints": 1}


def test_a_restart_does_not_read_everything_again(bench: Make) -> None:
    one = bench(fleet=230, evaluate=False)
    assert calls(one)["Search"] == 3
    one.tick(3600)
    one.fresh_collector()
    assert calls(one) == {"Search": 1, "ListEndpoints": 3}


def test_a_deployment_is_followed_from_start_to_end_and_kept(rested: Bench) -> None:
    name = next(iter(endpoints(rested)))
    before, target = endpoints(rested)[name].config, other(rested, name)
    deploy(rested, name, target)
    rested.tick(20)
    spent = calls(rested)
    assert spent["Search"] == 1 and spent["DescribeEndpoint"] == 1
    assert endpoints(rested)[name].pending is not None
    for _ in range(200):
        rested.tick(20)
        calls(rested)
        if not endpoints(rested)[name].moving:
            break
    rested.tick(60)
    _, errors = rested.look("changes")
    assert errors == []
    done = rested.view("endpoint", name).deployments[0]
    assert (done.source, done.target, done.outcome) == (before, target, Outcome.SUCCEEDED)
    assert done.actor == "ci" and done.started_at and done.ended_at
    assert done.evidence[0].startswith("CloudTrail: UpdateEndpoint by ")


def test_what_the_index_tells_late_is_no_news(rested: Bench) -> None:
    """Described by an action, the endpoint is newer in the ledger than the index knows for a while."""
    import msgspec

    from console.kinds.endpoint.record import from_api
    from tests.kinds.truth import parsed

    name = next(iter(endpoints(rested)))
    deploy(rested, name, other(rested, name))
    rested.tick(15)  # the index knows of the update now
    for _ in range(100):
        rested.tick(30)
        seen = from_api(parsed(rested.call("DescribeEndpoint", EndpointName=name)), detailed=True)
        if not seen.moving:
            break
    rested.ledger.observe(SCOPE, "endpoint", [(name, msgspec.json.encode(seen), seen.modified_at)], at=rested.now)
    rested.world.faults.add(operation="DescribeEndpoint", code="ValidationException", message="Ouch")
    rested.clock.s += 1
    calls(rested)
    assert endpoints(rested)[name].status == "InService"
    assert rested.view("endpoint", name).endpoint.config == seen.config


def test_looked_at_means_described_once(rested: Bench) -> None:
    name = next(iter(endpoints(rested)))
    rested.want("endpoint", name)
    assert calls(rested) == {"Search": 1, "DescribeEndpoint": 1}
    assert endpoints(rested)[name].detailed and endpoints(rested)[name].policy
    rested.want("endpoint", name)
    assert calls(rested) == {"Search": 1}


def test_deleted_and_created(rested: Bench) -> None:
    name, kept = list(endpoints(rested))[:2]
    config = endpoints(rested)[name].config
    rested.call("DeleteEndpoint", EndpointName=name)
    rested.tick(20)
    calls(rested)
    assert endpoints(rested)[name].status == "Deleting"
    rested.tick(300)
    calls(rested)
    assert name not in endpoints(rested) and kept in endpoints(rested), "NotFound is the end of it"
    rested.call("CreateEndpoint", EndpointName=name, EndpointConfigName=config)
    rested.tick(30)
    calls(rested)
    assert endpoints(rested)[name].status == "Creating"


def test_gone_while_nobody_watched(rested: Bench) -> None:
    name = next(iter(endpoints(rested)))
    rested.call("DeleteEndpoint", EndpointName=name)
    rested.tick(3600)
    calls(rested)
    assert name not in endpoints(rested)


def test_where_search_is_denied_a_list_serves(bench: Make) -> None:
    one = bench()
    one.tick(3600)
    one.world.faults.add(operation="Search", code="AccessDeniedException", message="User: x is not authorized")
    spent = calls(one)
    assert spent["ListEndpoints"] == 1 and spent["DescribeEndpoint"] == 4
    assert all(e.config for e in endpoints(one).values())
    one.tick(20)
    assert calls(one) == {"ListEndpoints": 1}, "denied once: not asked again at once"
    name = next(iter(endpoints(one)))
    deploy(one, name, other(one, name))
    one.tick(20)
    assert calls(one) == {"ListEndpoints": 1, "DescribeEndpoint": 1}
    assert endpoints(one)[name].pending is not None
    one.world.faults.clear()
    one.tick(600)
    assert calls(one)["Search"] == 1, "a permission may be given later"


def test_not_described_yet_is_unknown_not_ok(bench: Make) -> None:
    one = bench(fleet=40, evaluate=False)
    one.tick(3600)
    one.world.faults.add(operation="Search", code="AccessDeniedException")
    assert calls(one)["DescribeEndpoint"] == 30
    found = [one.view("endpoint", name) for name in endpoints(one)]
    assert len(found) == 40, "all are there at once"
    unknown = [v.verdict.words for v in found if v.sign is Sign.UNKNOWN]
    assert set(unknown) == {"not described yet", "metrics not read yet"}
    assert unknown.count("not described yet") == 10
    one.tick(20)
    assert calls(one)["DescribeEndpoint"] == 10
    assert all(e.config for e in endpoints(one).values())


def test_one_that_cannot_be_described_does_not_hide_the_others(rested: Bench) -> None:
    bad, good = list(endpoints(rested))[:2]
    rested.world.faults.add(operation="DescribeEndpoint", code="AccessDeniedException", match={"EndpointName": bad})
    for name in (bad, good):
        deploy(rested, name, other(rested, name))
    rested.tick(20)
    calls(rested)
    assert endpoints(rested)[good].pending is not None
    assert endpoints(rested)[bad].status == "Updating", "as far as the index knows"
    assert rested.view("endpoint", bad).verdict.words == "updating"
    rested.want("endpoint", bad, good)
    rested.tick(20)
    spent, errors = rested.look()
    assert spent.get("DescribeEndpoint") == 1, "not asked again at once"
    rested.tick(600)
    rested.want("endpoint", bad, good)
    _, errors = rested.look()
    assert [type(e).__name__ for e in errors] == ["NotPermitted"], "on screen, its error is told"


def test_one_whose_answer_is_cut_short_does_not_hide_the_others(rested: Bench) -> None:
    """An answer too long for a proxy, or of a shape nobody foresaw: its row keeps its age, the others go on."""
    first, second = sorted(endpoints(rested))[:2]
    rested.world.faults.add(operation="DescribeEndpoint", truncate=True, match={"EndpointName": first})
    for name in (first, second):
        deploy(rested, name, other(rested, name))
    rested.tick(20)
    _, errors = rested.look()
    assert errors == [], "nobody looks at it"
    assert endpoints(rested)[second].pending is not None and endpoints(rested)[second].detailed
    assert endpoints(rested)[first].status == "Updating", "by the index"
    rested.tick(700)
    rested.want("endpoint", first)
    _, errors = rested.look()
    assert [getattr(e, "code", "") for e in errors] == ["GarbledAnswer"], "said to whom it is on screen"
    rested.world.faults.clear()
    rested.tick(700)
    rested.want("endpoint", first)
    assert rested.look()[1] == [] and endpoints(rested)[first].detailed


def test_a_page_that_fails_is_read_again(bench: Make) -> None:
    one = bench(fleet=150, evaluate=False)
    calls(one)
    one.tick(3600)
    calls(one)
    for name in list(endpoints(one))[:120]:
        wanted = [{"VariantName": "AllTraffic", "DesiredWeight": 0.5}]
        one.call("UpdateEndpointWeightsAndCapacities", EndpointName=name, DesiredWeightsAndCapacities=wanted)
    one.tick(300)
    one.world.faults.add(operation="Search", times=1)  # the first page comes through
    one.world.faults.add(operation="Search", code="ThrottlingException", message="Rate exceeded")
    _, errors = one.look()
    assert [type(e).__name__ for e in errors] == ["Throttled"]
    one.world.faults.clear()
    for _ in range(5):
        one.tick(20)
        calls(one)
    weights = [e.variants[0].weight for e in endpoints(one).values()]
    assert weights.count(0.5) == 120, "what the second page would have told is not taken for known"


def test_an_unknown_status_is_kept_and_watched(rested: Bench) -> None:
    name = next(iter(endpoints(rested)))
    rested.world.faults.add(
        operation="DescribeEndpoint", answer={"EndpointStatus": "Levitating"}, match={"EndpointName": name}
    )
    rested.want("endpoint", name)
    calls(rested)
    view = rested.view("endpoint", name)
    assert (view.endpoint.status, view.sign) == ("Levitating", Sign.UNKNOWN)
    rested.world.faults.clear()
    rested.tick(20)
    assert calls(rested)["DescribeEndpoint"] == 1, "it is not settled: looked at again"
    assert rested.view("endpoint", name).endpoint.status == "InService"


@pytest.mark.parametrize(("operation", "error"), [("ListEndpoints", "NotPermitted"), ("Search", "Throttled")])
def test_a_failing_source_says_so_and_keeps_what_it_had(rested: Bench, operation: str, error: str) -> None:
    had = endpoints(rested)
    code = {"NotPermitted": "AccessDeniedException", "Throttled": "ThrottlingException"}[error]
    rested.world.faults.add(operation=operation, code=code, message="said by AWS")
    rested.tick(601)
    _, errors = rested.look()
    assert [type(e).__name__ for e in errors] == [error]
    state = rested.snapshot.states()["endpoints"]
    assert not state.ok and "said by AWS" in state.error
    assert endpoints(rested) == had
    rested.world.faults.clear()
    rested.tick(20)
    calls(rested)
    assert rested.snapshot.states()["endpoints"].ok
