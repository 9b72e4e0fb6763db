"""Each check of a roll back and each of its verdicts, by real calls to the embedded world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from console.actions.model import Verdict
from console.clock import HOUR, clock_time
from console.kinds.base import Sign
from console.kinds.base import Verdict as Judged
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint import preflight
from console.kinds.endpoint.looking import around, config_of, observe
from console.kinds.endpoint.record import Capture, Endpoint, Pending
from console.kinds.endpoint.rollback import Rollback
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Grade, Way
from console.kinds.hold.record import Act
from console.world.ecr import Repositories
from console.world.quotas import Quotas
from console.world.sagemaker.resources import Configs
from tests.kinds.conftest import Bench
from tests.kinds.desks import desk

Make = Callable[..., Bench]
NAME = "delay-risk"
PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


@pytest.fixture
def one(bench: Make) -> Bench:
    return bench(fleet=2, config_lag_s=0.0)


def target_of(one: Bench) -> str:
    now = one.call("DescribeEndpoint", EndpointName=NAME)["EndpointConfigName"]
    found = one.call(
        "ListEndpointConfigs", NameContains=f"{NAME}-v", SortBy="CreationTime", SortOrder="Descending", MaxResults=100
    )
    return next(c["EndpointConfigName"] for c in found["EndpointConfigs"] if c["EndpointConfigName"] != now)


def run(one: Bench, target: str = "", way: Way | None = None, **changed: Any) -> dict[str, tuple[Verdict, str]]:
    """All checks by name; `changed` replaces fields of the observed endpoint."""
    at = desk(one)
    view = around(at, observe(at, NAME))
    view = msgspec.structs.replace(view, endpoint=msgspec.structs.replace(view.endpoint, **changed))
    target = target or target_of(one)
    checks = preflight.checks(at, view, way, target, config_of(at, view.endpoint.config), config_of(at, target))
    order = [PASS, UNKNOWN, WARN, FAIL]
    assert [c.verdict for c in checks] == sorted((c.verdict for c in checks), key=order.index, reverse=True)
    found: dict[str, tuple[Verdict, str]] = {}
    for check in checks:
        found.setdefault(check.check, (check.verdict, check.detail))  # worst first
    return found


def copy_of(one: Bench, target: str, **changes: Any) -> str:
    """A config like another one, but for some members; `variant` changes members of its variants."""
    body = dict(one.world.region().of(Configs).get(target).body)
    variant = changes.pop("variant", {})
    variants = [{k: v for k, v in (one_ | variant).items() if v is not None} for one_ in body["ProductionVariants"]]
    name = f"{NAME}-copy-{one.clock.s:.0f}"
    request = {**body, "EndpointConfigName": name, "ProductionVariants": variants, **changes}
    members = {"EndpointConfigName", "ProductionVariants", "DataCaptureConfig", "KmsKeyId", "Tags"}
    one.call("CreateEndpointConfig", **{k: v for k, v in request.items() if k in members and v})
    one.tick(5)
    return name


def test_all_is_well(one: Bench) -> None:
    found = run(one)
    assert set(found) >= {
        "settled", "current config", "target config", "last good", "variant names", "model", "artifact", "image",
        "data capture", "autoscaling", "quota", "owner", "freeze calendar", "permission",
    }  # fmt: skip
    assert {name for name, (verdict, _) in found.items() if verdict is FAIL} == set()
    assert found["permission"] == (PASS, "sagemaker:UpdateEndpoint is allowed")
    assert found["image"][1].endswith("another than now")


@pytest.mark.parametrize(
    ("status", "pending", "verdict", "words"),
    [
        ("InService", None, PASS, "InService"),
        ("UpdateRollbackFailed", None, PASS, "UpdateRollbackFailed"),
        ("Updating", Pending("v9"), WARN, "Updating to v9: there is no cancel, the roll back waits in a queue"),
        ("SystemUpdating", None, WARN, "SystemUpdating: there is no cancel, the roll back waits in a queue"),
        ("Hibernating", None, WARN, "Hibernating: there is no cancel, the roll back waits in a queue"),
        ("Failed", None, FAIL, "status is Failed: UpdateEndpoint is rejected"),
        ("Creating", None, FAIL, "status is Creating: UpdateEndpoint is rejected"),
        ("Deleting", None, FAIL, "status is Deleting: UpdateEndpoint is rejected"),
    ],
)
def test_settled(one: Bench, status: str, pending: Pending | None, verdict: Verdict, words: str) -> None:
    assert run(one, status=status, pending=pending)["settled"] == (verdict, words)


def test_configs_that_are_gone(one: Bench) -> None:
    found = run(one, target=f"{NAME}-v999", config=f"{NAME}-v0")
    assert found["target config"] == (FAIL, f"{NAME}-v999 does not exist")
    assert found["current config"][0] is FAIL and "was deleted" in found["current config"][1]
    assert "model" not in found and "quota" not in found, "nothing to check"


def test_not_permitted_is_unknown_never_passed(one: Bench) -> None:
    target = target_of(one)
    for operation in (
        "DescribeEndpointConfig", "DescribeModel", "DescribeScalableTargets", "ListServiceQuotas", "DescribeImages",
        "SimulatePrincipalPolicy",
    ):  # fmt: skip
        one.world.faults.add(operation=operation, code="AccessDeniedException", message=f"not authorized: {operation}")
    found = run(one, target)
    assert found["target config"] == (UNKNOWN, f"{target}: not permitted to look")
    assert found["current config"][0] is UNKNOWN
    assert found["permission"] == (UNKNOWN, "not known before the call: not permitted to look")
    one.world.faults.rules[:] = [r for r in one.world.faults.rules if r.operation != "DescribeEndpointConfig"]
    found = run(one, target)
    assert found["model"] == (UNKNOWN, f"{target}: not permitted to look") or found["model"][0] is UNKNOWN
    assert found["autoscaling"] == found["quota"] == (UNKNOWN, "not permitted to look")
    one.world.faults.rules[:] = [r for r in one.world.faults.rules if r.operation != "DescribeModel"]
    image = run(one, target)["image"]
    assert image[0] is UNKNOWN and image[1].endswith("not permitted to look")


def test_what_may_not_be_done_is_known_before(one: Bench) -> None:
    one.world.faults.add(operation="UpdateEndpoint", code="AccessDeniedException")
    verdict, words = run(one)["permission"]
    assert verdict is FAIL and words.startswith("sagemaker:UpdateEndpoint is not allowed on arn:aws:sagemaker:")


def test_evidence(one: Bench) -> None:
    way = Way(config="x", grade=Grade.SERVED, evidence=("seen InService",))
    assert run(one, way=way)["last good"] == (PASS, "served: seen InService")
    for grade in (Grade.BAD, Grade.ALIKE, Grade.SET):
        assert run(one, way=msgspec.structs.replace(way, grade=grade))["last good"][0] is WARN
    assert run(one)["last good"][0] is WARN


def test_renamed_variants_are_refused(one: Bench) -> None:
    renamed = copy_of(one, target_of(one), variant={"VariantName": "Champion"})
    verdict, words = run(one, renamed)["variant names"]
    assert verdict is FAIL and words.startswith("AllTraffic now, Champion in the target")


def test_models_artifacts_and_images_that_are_gone(one: Bench) -> None:
    target = target_of(one)
    model = one.world.region().of(Configs).get(target).body["ProductionVariants"][0]["ModelName"]
    container = one.call("DescribeModel", ModelName=model)["PrimaryContainer"]
    one.world.region().of(Repositories).gone.add(container["Image"])
    assert run(one, target)["image"][0] is FAIL
    one.call(
        "CreateModel",
        ModelName="lost",
        PrimaryContainer={"Image": "public.ecr.aws/x:1", "ModelDataUrl": "s3://acme-ml-artifacts/no/such.tar.gz"},
    )
    lost = copy_of(one, target, variant={"ModelName": "lost"})
    assert run(one, lost)["artifact"][0] is PASS
    client(one, "s3").delete_object(Bucket="acme-ml-artifacts", Key="no/such.tar.gz")
    found = run(one, lost)
    assert found["artifact"][0] is FAIL and "new instances cannot load it" in found["artifact"][1]
    assert found["image"] == (UNKNOWN, "public.ecr.aws/x:1: not in ECR, not looked at")
    one.call("DeleteModel", ModelName="lost")
    assert run(one, lost)["model"] == (FAIL, "lost does not exist")


def test_many_models_behind_a_prefix_are_not_called_missing(one: Bench) -> None:
    one.call(
        "CreateModel",
        ModelName="many",
        PrimaryContainer={
            "Image": "public.ecr.aws/x:1",
            "Mode": "MultiModel",
            "ModelDataUrl": "s3://acme-ml-artifacts/many/",
        },
    )
    found = run(one, copy_of(one, target_of(one), variant={"ModelName": "many"}))
    assert found["artifact"] == (UNKNOWN, "s3://acme-ml-artifacts/many/: a prefix, not looked at")


def test_inference_components_have_no_model_in_the_config(one: Bench) -> None:
    at = desk(one)
    view = around(at, observe(at, NAME))
    wanted = {"ProductionVariants": [{"VariantName": "AllTraffic", "InstanceType": "ml.g5.xlarge"}]}
    names = {c.check for c in preflight.checks(at, view, None, "x", wanted, wanted)}
    assert "model" not in names and "quota" in names
    preflight.checks(at, view, None, "x", {}, {"ProductionVariants": [{"VariantName": "s", "ServerlessConfig": {}}]})


def test_data_capture_may_be_lost(one: Bench) -> None:
    target = target_of(one)
    capture = run(one, target, capture=Capture(True, 100, "Started"))["data capture"]
    assert capture[0] is WARN and capture[1].startswith("100 % → ")
    assert run(one, target, capture=None)["data capture"][0] is PASS
    bare = copy_of(one, target, DataCaptureConfig=None)
    assert run(one, bare, capture=Capture(True, 20))["data capture"] == (WARN, "20 % → off")
    assert run(one, bare, capture=Capture(False, 20))["data capture"] == (PASS, "off, as now")


def client(one: Bench, service: str) -> Any:
    """A boto3 client of somebody else: what a preflight finds, others did."""
    import boto3

    env = one.served.env
    return boto3.client(
        service,
        region_name="eu-central-1",
        endpoint_url=one.served.url,
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def test_keys(one: Bench) -> None:
    kms = client(one, "kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    keyed = copy_of(one, target_of(one), KmsKeyId=arn)
    assert run(one, keyed)["KMS key"] == (PASS, f"{arn} is Enabled")
    kms.disable_key(KeyId=arn.rsplit("/", 1)[1])
    assert run(one, keyed)["KMS key"] == (FAIL, f"{arn} is Disabled")
    one.world.faults.add(operation="DescribeKey", service="kms", code="AccessDeniedException", message="no")
    assert run(one, keyed)["KMS key"] == (UNKNOWN, f"{arn}: not permitted to look")
    one.world.faults.clear()
    one.tick(5)
    gone = arn[:-12] + "0" * 12
    assert run(one, copy_of(one, target_of(one), KmsKeyId=gone))["KMS key"] == (FAIL, f"{gone} does not exist")
    assert "KMS key" not in run(one)


def test_an_autoscaled_variant_keeps_its_instance_type(one: Bench) -> None:
    client(one, "application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{NAME}/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=5,
    )
    assert run(one)["autoscaling"] == (PASS, "AllTraffic keeps its instance type and policies")
    bigger = copy_of(one, target_of(one), variant={"InstanceType": "ml.m5.24xlarge"})
    assert run(one, bigger)["autoscaling"][0] is FAIL


def test_quota_for_a_second_fleet(one: Bench) -> None:
    """Where nobody watches what others have. Where somebody does: tests/incidents/test_capacity.py."""
    at = desk(one)
    (variant,) = observe(at, NAME).variants
    have = variant.instances or 0
    type_ = one.world.region().of(Configs).get(target_of(one)).body["ProductionVariants"][0]["InstanceType"]
    quotas = one.world.region().of(Quotas)
    for limit, expected in ((2 * have, UNKNOWN), (2 * have - 1, FAIL)):
        quotas.limits[type_] = limit
        assert run(one)["quota"][0] is expected
    verdict, words = run(one, pending=Pending("v9", variants=(variant,)))["quota"]
    assert verdict is FAIL and f"{have} more are refused (ResourceLimitExceeded)" in words
    variants = observe(at, NAME).variants
    huge = tuple(msgspec.structs.replace(v, instances=5000, desired_instances=5000) for v in variants)
    verdict, words = run(one, variants=huge)["quota"]
    assert verdict is FAIL and "5000 more are refused (ResourceLimitExceeded)" in words
    unlisted = copy_of(one, target_of(one), variant={"InstanceType": "ml.p5.48xlarge"})
    one.world.faults.add(operation="ListServiceQuotas", answer={"Quotas": []})
    assert run(one, unlisted)["quota"] == (UNKNOWN, "ml.p5.48xlarge: quota not listed")


@pytest.mark.parametrize(
    ("actor", "by", "verdict", "words"),
    [
        ("tf", "terraform-cloud", WARN, "Terraform (terraform-cloud) owns the config: the next apply restores v2"),
        ("ci", "codepipeline", WARN, "CI (codepipeline) deploys it: its next run may restore v2"),
        ("cfn", "stack", WARN, "CloudFormation (stack) deploys it: its next run may restore v2"),
        ("maria", "maria", PASS, "deployed by maria"),
        ("", "", UNKNOWN, "nobody is known to deploy it"),
    ],
)
def test_owner(actor: str, by: str, verdict: Verdict, words: str) -> None:
    e = Endpoint(name="shop", arn="", status="InService", config="v2")
    d = Deployment(source="v1", target="v2", started_at=HOUR, outcome=Outcome.SUCCEEDED, by=by, actor=actor)
    view = EndpointView(endpoint=e, observed_at=HOUR, verdict=None, deployments=(d,))  # type: ignore[arg-type]
    check = preflight.owner(view)
    assert (check.verdict, check.detail) == (verdict, words)


ACT = Act("endpoint", "shop", "rollback", "v2", "v1", "arn:aws:sts::1:assumed-role/oncall/maria", 9 * HOUR, "a")


@pytest.mark.parametrize(
    ("act", "sign", "on", "undone_by", "verdict", "words"),
    [
        (None, Sign.CRITICAL, "v2", "", WARN, "nothing known asks for it: why"),
        (None, Sign.MOVING, "v2", "", WARN, "nothing known speaks against v2: why"),
        (None, Sign.UNKNOWN, "v2", "", UNKNOWN, "nothing known speaks against v2: why"),
        (None, Sign.OK, "v2", "", WARN, "nothing known speaks against v2: why"),
        (None, Sign.HELD, "v2", "", WARN, "nothing known speaks against v2: why"),
        (ACT, Sign.CRITICAL, "v2", "tf", WARN, "Terraform undid the roll back of {}: stop that first, or it will be"),
        (ACT, Sign.CRITICAL, "v2", "", WARN, "somebody undid the roll back of {}: stop that first, or it will be"),
        (ACT, Sign.WARNING, "v1", "", WARN, "maria rolled back to v1 at {}: this goes further"),
    ],
)
def test_whether_it_is_needed(
    one: Bench, act: Act | None, sign: Sign, on: str, undone_by: str, verdict: Verdict, words: str
) -> None:
    e = Endpoint(name="shop", arn="", status="InService", config=on)
    at = 10 * HOUR if on == "v2" else 8 * HOUR
    d = Deployment(source="", target=on, started_at=at, outcome=Outcome.SUCCEEDED, actor=undone_by)
    view = EndpointView(endpoint=e, observed_at=at, verdict=Judged(sign, "why"), deployments=(d,))
    check = preflight._need(view, act, desk(one))
    when = clock_time(act.at, one.now) if act else ""
    assert check.verdict is verdict and check.detail.startswith(words.format(when))


def test_a_plan_is_made_whatever_may_not_be_looked_at(one: Bench) -> None:
    """Every read but the endpoint's own denied: the plan says unknown, and is still a plan."""
    target = target_of(one)
    one.world.faults.add(operation="DescribeEndpoint", times=99)
    one.world.faults.add(operation="GetCallerIdentity", times=99)
    one.world.faults.add(code="AccessDeniedException", message="no")
    plan = Rollback().plan(desk(one), NAME, {"to": target})
    assert plan.target == target and not plan.refused
    assert [c for c in plan.preflight if c.verdict is UNKNOWN]
    assert plan.calls[0].params["RetainAllVariantProperties"] is True
