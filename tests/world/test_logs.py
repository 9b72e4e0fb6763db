"""Logs of endpoints: written when read, told apart by fleet, and readable with every call of the API."""

from __future__ import annotations

from console.world import logs
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoint_logs import MISSING_FEATURE, NO_MODULE, EndpointLogs, group_of
from console.world.sagemaker.endpoints import Endpoints
from tests.world.conftest import Lab

GROUP = group_of("delay-risk")


def test_groups_streams_and_lines(lab: Lab) -> None:
    client = lab.client("logs")
    groups = [one["logGroupName"] for one in client.describe_log_groups()["logGroups"]]
    assert GROUP in groups and len([one for one in groups if one.startswith("/aws/sagemaker/Endpoints/")]) == 12
    streams = client.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert len(streams) == 3 and all(one["logStreamName"].startswith("AllTraffic/i-0") for one in streams)
    events = client.get_log_events(logGroupName=GROUP, logStreamName=streams[0]["logStreamName"])["events"]
    assert "POST /invocations HTTP/1.1" in events[-1]["message"]
    assert lab.clock.now * 1000 - 60_000 < events[-1]["timestamp"] <= lab.clock.now * 1000
    lab.clock.tick(120)
    again = client.get_log_events(logGroupName=GROUP, logStreamName=streams[0]["logStreamName"])["events"]
    assert again[: len(events)] == events and len(again) > len(events), "they go on"
    merged = client.filter_log_events(logGroupName=GROUP)["events"]
    times = [one["timestamp"] for one in merged]
    assert times == sorted(times) and len({one["logStreamName"] for one in merged}) == 3
    prefix = streams[0]["logStreamName"][:22]
    some = client.filter_log_events(logGroupName=GROUP, logStreamNamePrefix=prefix)["events"]
    assert {one["logStreamName"] for one in some} == {streams[0]["logStreamName"]}
    assert not client.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="none")["events"]


def test_a_bad_config_shows_in_its_own_streams_and_stays_readable_afterwards(lab: Lab) -> None:
    sagemaker, client = lab.client("sagemaker"), lab.client("logs")
    old = {one["logStreamName"] for one in client.describe_log_streams(logGroupName=GROUP)["logStreams"]}
    lab.world.region().of(EndpointLogs).symptoms["delay-risk-v6"] = MISSING_FEATURE
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    lab.settle("delay-risk")
    lab.clock.tick(120)
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v7")
    lab.settle("delay-risk")
    lab.clock.tick(300)
    failed = client.filter_log_events(logGroupName=GROUP, filterPattern="KeyError")["events"]
    assert failed and not {one["logStreamName"] for one in failed} & old
    assert "carrier_delay_7d" in failed[0]["message"] and "\n" in failed[0]["message"]
    assert failed[-1]["timestamp"] < (lab.clock.now - 300) * 1000, "over with the fleet"
    assert len(client.describe_log_streams(logGroupName=GROUP)["logStreams"]) == 9, "three fleets"


def test_a_container_that_never_starts_says_why(lab: Lab) -> None:
    region, client = lab.world.region(), lab.client("logs")
    region.of(Endpoints).bad_configs["delay-risk-v6"] = Trouble(None)
    region.of(EndpointLogs).symptoms["delay-risk-v6"] = NO_MODULE
    lab.client("sagemaker").update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    lab.clock.tick(600)
    failed = client.filter_log_events(logGroupName=GROUP, filterPattern="ModuleNotFoundError")["events"]
    stream = failed[0]["logStreamName"]
    lines = client.get_log_events(logGroupName=GROUP, logStreamName=stream)["events"]
    assert not [one for one in lines if "invocations" in one["message"] or "Loaded model" in one["message"]]


def test_anybody_may_write(lab: Lab) -> None:
    now = lab.clock.now
    logs.write("eu-central-1", "/aws/sagemaker/TrainingJobs", "job/algo-1-1", [(now, "second"), (now - 1, "first")])
    client = lab.client("logs")
    events = client.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName="job/algo-1-1")["events"]
    assert [one["message"] for one in events] == ["first", "second"]
