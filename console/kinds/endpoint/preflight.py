"""What is checked before an endpoint goes back to another config: each check is a known failure (facts section 8).

What may not be looked at is `unknown` with the provider's words, never passed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from console.actions.checks import endpoint_quotas, freeze, permission, unseen
from console.actions.model import Check, Verdict, worst_first
from console.actions.verb import Desk
from console.clock import clock_time
from console.errors import NotFound, NotPermitted, SourceError
from console.kinds.base import Sign
from console.kinds.change.record import ACTORS
from console.kinds.endpoint.advice import advice
from console.kinds.endpoint.known import last_act
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Grade, Way
from console.kinds.hold.record import Act
from console.kinds.scaling.around import Around
from console.kinds.scaling.room import lacking, room
from console.kinds.scaling.view import bodies_of

Config = Mapping[str, Any]
"""A DescribeEndpointConfig answer."""

Looked = Config | NotPermitted | None
"""A config, why it may not be looked at, or None where it does not exist."""


def checks(
    desk: Desk, view: EndpointView, way: Way | None, target: str, current: Looked, wanted: Looked
) -> tuple[Check, ...]:
    """All checks, worst first."""
    e = view.endpoint
    found = [_settled(e), _current(e, current), _target(target, wanted), _evidence(way, target)]
    if isinstance(current, NotPermitted):
        current = None  # said by its check; the others do with what the endpoint itself tells
    if wanted is not None and not isinstance(wanted, NotPermitted):
        found += _variants(e, current, wanted)
        found += _models(desk, e, wanted)
        found += _keys(desk, wanted)
        found.append(_capture(e, wanted))
        found.append(_scaled(desk, e, current, wanted))
        found += _quota(desk, view, wanted)
    need = _need(view, last_act(desk.snapshot(), e.name), desk)
    # That it mends nothing is the first to know of it.
    found = [need, *found, owner(view)] if need.verdict is Verdict.WARN else [*found, need, owner(view)]
    config_arn = e.arn.replace(f":endpoint/{e.name.lower()}", f":endpoint-config/{target.lower()}")
    found += [freeze(desk), permission(desk, "sagemaker:UpdateEndpoint", [e.arn, config_arn])]
    return worst_first(found)


def _settled(e: Endpoint) -> Check:
    if e.status in {"Failed", "Deleting", "Creating"}:
        return Check("settled", Verdict.FAIL, f"status is {e.status}: UpdateEndpoint is rejected")
    if e.moving:
        waits = f"{e.status} to {e.pending.config}" if e.pending else e.status
        return Check("settled", Verdict.WARN, f"{waits}: there is no cancel, the roll back waits in a queue")
    return Check("settled", Verdict.PASS, e.status)


def _current(e: Endpoint, current: Looked) -> Check:
    """A deleted current config makes UpdateEndpoint fail even if the target exists (facts section 2.3)."""
    if isinstance(current, NotPermitted):
        return Check("current config", Verdict.UNKNOWN, unseen(current, e.config))
    if current is None:
        detail = f"{e.config} was deleted: UpdateEndpoint fails until a config of that name exists again"
        return Check("current config", Verdict.FAIL, detail)
    return Check("current config", Verdict.PASS, f"{e.config} exists")


def _target(target: str, wanted: Looked) -> Check:
    if isinstance(wanted, NotPermitted):
        return Check("target config", Verdict.UNKNOWN, unseen(wanted, target))
    if wanted is None:
        return Check("target config", Verdict.FAIL, f"{target} does not exist")
    return Check("target config", Verdict.PASS, f"{target} exists")


def _evidence(way: Way | None, target: str) -> Check:
    if way is None:
        return Check("last good", Verdict.WARN, f"nothing shows that {target} ever served this endpoint")
    verdict = Verdict.PASS if way.grade is Grade.SERVED and not way.brief else Verdict.WARN
    return Check("last good", verdict, f"{way.grade.words}: {'; '.join(way.evidence) or 'no evidence'}")


def _variants(e: Endpoint, current: Config | None, wanted: Config) -> list[Check]:
    have = {v.name for v in e.variants} or {v["VariantName"] for v in (current or {}).get("ProductionVariants", ())}
    want = {v["VariantName"] for v in wanted.get("ProductionVariants", ())}
    if have != want:
        detail = f"{_names(have)} now, {_names(want)} in the target: scaling policies and weights do not carry over"
        return [Check("variant names", Verdict.FAIL, detail)]
    return [Check("variant names", Verdict.PASS, _names(have))]


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _models(desk: Desk, e: Endpoint, wanted: Config) -> list[Check]:
    """Every model of the target, with its artifact and image. Inference-component variants have no model here."""
    found: list[Check] = []
    sagemaker = desk.reader("sagemaker")
    # In a deployment what comes in is what this goes back from; the old fleet may be of the target itself.
    left = e.pending.variants if e.pending else e.variants
    serving = {image.rpartition("@")[2] for v in left for image in v.images if "@" in image}
    for name in sorted({v["ModelName"] for v in wanted.get("ProductionVariants", ()) if v.get("ModelName")}):
        try:
            model = sagemaker.describe_model(ModelName=name)
        except NotFound:
            found.append(Check("model", Verdict.FAIL, f"{name} does not exist"))
            continue
        except SourceError as error:
            found.append(Check("model", Verdict.UNKNOWN, unseen(error, name)))
            continue
        found.append(Check("model", Verdict.PASS, f"{name} exists"))
        for container in model.get("Containers") or [model.get("PrimaryContainer") or {}]:
            if url := container.get("ModelDataUrl"):
                found.append(_artifact(desk, url))
            if image := container.get("Image"):
                found.append(_image(desk, image, serving, f"in {e.pending.config}" if e.pending else "now"))
    return found


def _artifact(desk: Desk, url: str) -> Check:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not key or key.endswith("/"):
        # Multi-model containers and uncompressed models name a prefix: there is no object to ask for.
        return Check("artifact", Verdict.UNKNOWN, f"{url}: a prefix, not looked at")
    try:
        desk.reader("s3").head_object(Bucket=bucket, Key=key)
    except NotFound:
        return Check("artifact", Verdict.FAIL, f"{url} is not there: new instances cannot load it")
    except SourceError as error:
        return Check("artifact", Verdict.UNKNOWN, unseen(error, url))
    return Check("artifact", Verdict.PASS, f"{url} is there")


def _image(desk: Desk, image: str, serving: set[str], where: str) -> Check:
    registry, _, rest = image.partition("/")
    if ".dkr.ecr." not in registry:
        return Check("image", Verdict.UNKNOWN, f"{image}: not in ECR, not looked at")
    by_digest = "@" in rest
    repository, _, reference = rest.partition("@" if by_digest else ":")
    image_id = {"imageDigest": reference} if by_digest else {"imageTag": reference or "latest"}
    try:
        answer = desk.reader("ecr").describe_images(
            registryId=registry.split(".", 1)[0], repositoryName=repository, imageIds=[image_id]
        )
    except NotFound:
        return Check("image", Verdict.FAIL, f"{image} is not in its repository")
    except SourceError as error:
        return Check("image", Verdict.UNKNOWN, unseen(error, image))
    digest = next((d["imageDigest"] for d in answer.get("imageDetails", ()) if d.get("imageDigest")), "")
    short = f"{repository} {digest.removeprefix('sha256:')[:6]}".strip()
    than = "the same as" if digest in serving else "another than"
    compared = f", {than} {where}" if digest and serving else ""
    return Check("image", Verdict.PASS, f"{short} is there{compared}")


def _keys(desk: Desk, wanted: Config) -> list[Check]:
    """New instances cannot start with a key that is disabled or about to be deleted, though old ones still serve."""
    used = {wanted.get("KmsKeyId"), (wanted.get("DataCaptureConfig") or {}).get("KmsKeyId")}
    found: list[Check] = []
    for key in sorted(filter(None, used)):
        try:
            state = desk.reader("kms").describe_key(KeyId=key)["KeyMetadata"].get("KeyState", "")
        except NotFound:
            found.append(Check("KMS key", Verdict.FAIL, f"{key} does not exist"))
        except SourceError as error:
            found.append(Check("KMS key", Verdict.UNKNOWN, unseen(error, key)))
        else:
            verdict = Verdict.PASS if state == "Enabled" else Verdict.FAIL if state else Verdict.UNKNOWN
            found.append(Check("KMS key", verdict, f"{key} is {state or 'in an unknown state'}"))
    return found


def _capture(e: Endpoint, wanted: Config) -> Check:
    """Data capture lives on the config: going back can silently turn monitoring off (facts section 2.10)."""
    then = wanted.get("DataCaptureConfig") or {}
    now_percent = e.capture.percent if e.capture and e.capture.enabled else 0
    then_percent = then.get("InitialSamplingPercentage", 0) if then.get("EnableCapture") else 0
    if now_percent > then_percent:
        return Check("data capture", Verdict.WARN, f"{now_percent} % → {then_percent or 'off'}")
    return Check("data capture", Verdict.PASS, f"{then_percent} %" if then_percent else "off, as now")


def _scaled(desk: Desk, e: Endpoint, current: Config | None, wanted: Config) -> Check:
    """UpdateEndpoint fails if it would change the instance type of an autoscaled variant (facts section 2.7)."""
    try:
        targets = desk.reader("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker",
            ResourceIds=[f"endpoint/{e.name}/variant/{v.name}" for v in e.variants],
        )["ScalableTargets"]
    except SourceError as error:
        return Check("autoscaling", Verdict.UNKNOWN, unseen(error))
    if not targets:
        return Check("autoscaling", Verdict.PASS, "no variant is autoscaled")
    scaled = {t["ResourceId"].rsplit("/", 1)[-1] for t in targets}
    types = _types(current or {})
    changed = [name for name, kind in _types(wanted).items() if name in scaled and types.get(name, kind) != kind]
    if changed:
        detail = f"the target changes the instance type of {', '.join(changed)}: deregister its scaling first"
        return Check("autoscaling", Verdict.FAIL, detail)
    return Check("autoscaling", Verdict.PASS, f"{', '.join(sorted(scaled))} keeps its instance type and policies")


def _types(config: Config) -> dict[str, str]:
    return {v["VariantName"]: v.get("InstanceType", "") for v in config.get("ProductionVariants", ())}


def _quota(desk: Desk, view: EndpointView, wanted: Config) -> list[Check]:
    """Blue/green needs a whole second fleet while both run, beside what all endpoints have in use."""
    e = view.endpoint
    counts = {v.name: v.desired_instances or v.instances or 0 for v in e.variants}
    need: dict[str, int] = {}
    for name, kind in _types(wanted).items():
        if kind:
            need[kind] = need.get(kind, 0) + counts.get(name, 0)
    if not need:
        return [Check("quota", Verdict.PASS, "no instances to launch")]
    try:
        quotas = endpoint_quotas(desk)
    except SourceError as error:
        return [Check("quota", Verdict.UNKNOWN, unseen(error))]
    around = Around(bodies_of(desk.snapshot()), [])
    found = [
        _room(desk, e, around, kind, more, quotas.get(f"{kind} for endpoint usage")) for kind, more in need.items()
    ]
    return [*found, *_to_be_had(desk, view, need, around)]


def _room(desk: Desk, e: Endpoint, around: Around, kind: str, more: int, limit: float | None) -> Check:
    if limit is None:
        return Check("quota", Verdict.UNKNOWN, f"{kind}: quota not listed")
    found = room(desk, around, kind, limit, more)
    if e.pending is not None and e.pending.config != e.config:
        # It waits until one of the two fleets of now is gone.
        leaves = sum(v.instances or 0 for v in e.variants if around.type_of(e.config, v.name) == kind)
        quota = found.quota
        found = found._replace(quota=quota._replace(used=quota.used - min(leaves, quota.used)))
    if short := found.short_of(more):
        # What nobody watches may be gone since: a way out of trouble is not barred by that.
        barred = found.whole or 2 * more > limit
        return Check("quota", Verdict.FAIL if barred else Verdict.WARN, f"a second fleet beside {short}")
    sure = Verdict.PASS if found.sure_of(more) else Verdict.UNKNOWN
    return Check("quota", sure, f"{found.words}, a second fleet takes {more} more")


def _to_be_had(desk: Desk, view: EndpointView, need: Collection[str], around: Around) -> Iterator[Check]:
    """Of the types that it scales by, where the target has them too."""
    e = view.endpoint
    for one in view.scaling:
        if around.type_of(e.config, one.target.variant) in need:
            check = lacking(one.activities, e.failure_reason, desk.now())
            if check is not None:
                yield check
                return


def _need(view: EndpointView, act: Act | None, desk: Desk) -> Check:
    """Whether it mends what is wrong, as the advice has it (advice.py), and what became of the last roll back."""
    e, now = view.endpoint, desk.now()
    if act is not None and view.sign is Sign.CRITICAL and view.deployments and view.deployments[0].at > act.at:
        last = view.deployments[0]
        who = ACTORS.get(last.actor, last.actor) or "somebody"
        detail = f"{who} undid the roll back of {clock_time(act.at, now)}: stop that first, or it will be undone again"
        return Check("need", Verdict.WARN, detail)
    if act is not None and act.target == e.config and not e.moving:
        by = act.by.rsplit("/", 1)[-1]
        return Check(
            "need", Verdict.WARN, f"{by} rolled back to {e.config} at {clock_time(act.at, now)}: this goes further"
        )
    if view.sign not in {Sign.CRITICAL, Sign.WARNING}:
        verdict = Verdict.UNKNOWN if view.sign is Sign.UNKNOWN else Verdict.WARN
        return Check("need", verdict, f"nothing known speaks against {e.serving}: {view.verdict.words}")
    told = advice(view, desk.snapshot())
    if (warning := told.warning("rollback", e.name)) or told.verb == "rollback":
        return Check("need", Verdict.WARN if warning else Verdict.PASS, warning or view.verdict.words)
    # That the ledger knows no way back is no reason against one that is named.
    asked = {verb for finding in view.found for verb in finding.speaks_for}
    if "rollback" in asked or view.verdict.about in {"logs", "undone", "broken"}:
        return Check("need", Verdict.PASS, view.verdict.words)
    return Check("need", Verdict.WARN, f"nothing known asks for it: {view.verdict.words}")


def owner(view: EndpointView) -> Check:
    """Who will put back what an operator changes here."""
    serving = view.endpoint.pending.config if view.endpoint.pending else view.endpoint.config
    by = next((d.by for d in view.deployments if d.actor == view.owner), "")
    if view.owner == "tf":
        return Check("owner", Verdict.WARN, f"Terraform ({by}) owns the config: the next apply restores {serving}")
    if view.owner in {"ci", "cfn"}:
        name = {"ci": "CI", "cfn": "CloudFormation"}[view.owner]
        return Check("owner", Verdict.WARN, f"{name} ({by}) deploys it: its next run may restore {serving}")
    if not view.owner:
        return Check("owner", Verdict.UNKNOWN, "nobody is known to deploy it")
    return Check("owner", Verdict.PASS, f"deployed by {view.owner}")
