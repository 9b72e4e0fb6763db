"""Configs read once each, of what somebody looks at or what moves, and what the endpoint says with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.fleet.describe import lines
from console.kinds.config.record import Config
from console.kinds.reading import decode
from console.kinds.registry import kind_of
from tests.kinds.conftest import SCOPE, Bench

Make = Callable[..., Bench]
NAME = "delay-risk"


def read(bench: Bench) -> dict[str, int]:
    spent, errors = bench.look("configs")
    assert errors == []
    return dict(spent)


def told(bench: Bench) -> dict[str, str]:
    found: dict[str, str] = {}
    label = ""
    for head, text in lines(kind_of("endpoint"), bench.view("endpoint", NAME), bench.snapshot, bench.now):
        label = head or label
        found[label] = f"{found.get(label, '')}\n{text}".strip()
    return found


def test_what_a_deployment_changed_is_told_when_somebody_looks(bench: Make) -> None:
    one = bench()
    for source in ("endpoints", "changes"):
        one.look(source)
    one.tick(2 * 3600)
    one.look("endpoints")
    quiet = {name for name in read(one) if name.startswith("Describe")}
    one.want("endpoint", NAME)
    spent = read(one)
    assert 2 <= spent["DescribeEndpointConfig"] <= 4 and spent["DescribeModel"] >= 2, quiet
    assert read(one) == {}, "neither changes once made"
    configs = {c.name: c for c in decode(one.snapshot, "config", Config)}
    view: Any = one.view("endpoint", NAME)
    assert view.endpoint.config in configs and configs[view.endpoint.config].variants[0].containers[0].image
    changed = view.changed
    assert changed is not None and changed.what is not None
    what = {d.what: (d.before, d.after) for d in changed.what}
    assert {"image", "model data", "GIT_COMMIT"} <= what.keys() and "FEATURE_STORE_TOKEN" not in what
    source = configs[changed.source].variants[0].containers[0].image
    assert what["image"][0] in source
    text = told(one)["changed"]
    assert text.startswith(f"{changed.source} → {changed.target}") and "model data" in text
    assert view.to_json()["changed"]["what"][0].keys() == {"what", "before", "after"}


def test_a_deployment_in_motion_is_told_by_what_comes(bench: Make) -> None:
    one = bench()
    for source in ("endpoints", "changes"):
        one.look(source)
    now = one.view("endpoint", NAME).endpoint.config
    stem, _, version = now.rpartition("-v")
    one.call("UpdateEndpoint", EndpointName=NAME, EndpointConfigName=f"{stem}-v{int(version) - 1}")
    one.tick(30)
    one.look("endpoints")
    read(one)
    changed = one.view("endpoint", NAME).changed
    assert changed is not None and changed.what and changed.target == f"{stem}-v{int(version) - 1}"


def test_a_model_that_may_not_be_looked_at_is_named(bench: Make) -> None:
    one = bench()
    one.world.faults.add(operation="DescribeModel", code="AccessDeniedException")
    for source in ("endpoints", "changes"):
        one.look(source)
    one.want("endpoint", NAME)
    read(one)
    assert "cannot be looked at" in told(one)["changed"]
    one.world.faults.add(operation="DescribeEndpointConfig", code="AccessDeniedException")
    assert read(one) == {}, "those that are known are not asked again"


def test_a_config_that_is_gone_is_told_as_gone_and_not_as_not_yet_read(bench: Make) -> None:
    one = bench()
    for source in ("endpoints", "changes"):
        one.look(source)
    one.want("endpoint", NAME)
    source = one.view("endpoint", NAME).changed.source
    one.world.faults.add(
        operation="DescribeEndpointConfig", code="ValidationException", match={"EndpointConfigName": source},
        message=f'Could not find endpoint configuration "{source}".', times=1,
    )  # fmt: skip
    read(one)
    assert told(one)["changed"].endswith(f"{source} is deleted")
    assert read(one) == {}, "not asked again at once"
    one.tick(600)
    one.want("endpoint", NAME)
    assert read(one)["DescribeEndpointConfig"] == 1, "one of that name may be made again"
    assert "model data" in told(one)["changed"]


def test_what_was_read_stays_when_the_config_goes_and_a_permission_that_comes_is_used(bench: Make) -> None:
    one = bench()
    one.world.faults.add(operation="DescribeModel", code="AccessDeniedException")
    for source in ("endpoints", "changes"):
        one.look(source)
    one.want("endpoint", NAME)
    read(one)
    one.world.faults.add(operation="DescribeEndpointConfig", code="AccessDeniedException")
    one.tick(600)
    one.want("endpoint", NAME)
    read(one)
    assert "cannot be looked at" in told(one)["changed"], "the hosts are known all the same"
    one.world.faults.clear()
    one.tick(600)
    one.want("endpoint", NAME)
    read(one)
    assert "model data" in told(one)["changed"] and "cannot be looked at" not in told(one)["changed"]


def test_a_config_that_was_made_anew_under_its_name_is_read_anew_when_it_is_deployed(bench: Make) -> None:
    one = bench()
    for source in ("endpoints", "changes"):
        one.look(source)
    one.want("endpoint", NAME)
    read(one)
    serving = one.view("endpoint", NAME).endpoint.config
    stem, _, version = serving.rpartition("-v")
    name = f"{stem}-v{int(version) - 1}"
    before = one.call("DescribeEndpointConfig", EndpointConfigName=name)
    (variant,) = before["ProductionVariants"]
    one.tick(3600)
    one.call("DeleteEndpointConfig", EndpointConfigName=name)
    one.call(
        "CreateEndpointConfig", EndpointConfigName=name,
        ProductionVariants=[variant | {"InstanceType": "ml.m5.4xlarge"}],
    )  # fmt: skip
    one.want("endpoint", NAME)
    assert read(one) == {}, "nothing was deployed: nobody knows, and it does not matter yet"
    one.tick(30)
    one.call("UpdateEndpoint", EndpointName=NAME, EndpointConfigName=name)
    one.tick(30)
    one.look("endpoints")
    assert read(one)["DescribeEndpointConfig"] == 1 and read(one) == {}, "once"
    changed = one.view("endpoint", NAME).changed
    assert (changed.source, changed.target) == (serving, name)
    assert ("instance type", "ml.m5.4xlarge") in {(d.what, d.after) for d in changed.what}
    one.tick(1800)
    one.look("changes")
    one.want("endpoint", NAME)
    assert read(one) == {}, "CloudTrail tells of the same deployment"


def test_a_change_that_is_late_in_the_trail_still_tells_what_served_before(bench: Make) -> None:
    """Changes are looked at once each, whenever they come."""
    one = bench()
    one.look("endpoints")
    one.want("endpoint", NAME)
    assert read(one)["DescribeEndpointConfig"] == 1
    one.look("changes")
    one.want("endpoint", NAME)
    assert read(one)["DescribeEndpointConfig"] == 1, "what served before"
    assert one.view("endpoint", NAME).changed.what


def test_what_vital_signs_described_is_not_described_again(bench: Make) -> None:
    """A shape says which metrics there are, and is told from the same look."""
    one = bench()
    for source in ("endpoints", "changes"):
        one.look(source)
    one.want("endpoint", NAME)
    spent, errors = one.look("metrics")
    assert not errors and spent["DescribeEndpointConfig"] == len(one.ledger.heads(SCOPE, "endpoint"))
    serving = one.view("endpoint", NAME).endpoint.config
    assert {c.name for c in decode(one.snapshot, "config", Config)} >= {serving}
    spent = read(one)
    assert spent["DescribeEndpointConfig"] == 1, "what served before: of what serves all is known"
    shapes = {fact.name for fact in one.ledger.heads(SCOPE, "shape")}
    one.fresh_collector()
    one.tick(60)
    one.want("endpoint", NAME)
    spent, errors = one.look("metrics")
    assert not errors and "DescribeEndpointConfig" not in spent and len(shapes) >= 4
