"""What may be done about capacity: verbs of endpoints and of scalable targets alike. Small, as every list imports it.

The way back from `suspend` is `unsuspend`, as `unmute` is that of `mute`: `lastgood resume` and `:resume` are about
actions whose process died, and must not mean two things at night.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.actions.model import Level
from console.actions.verb import Deed, Option, Verb

REGISTER = "application-autoscaling:RegisterScalableTarget"
INSTANCES = "sagemaker:UpdateEndpointWeightsAndCapacities"
COPIES = "sagemaker:UpdateInferenceComponentRuntimeConfig"

READS = (
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeInferenceComponent",
    "sagemaker:ListInferenceComponents",
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    "application-autoscaling:DescribeScalingActivities",
    "service-quotas:ListServiceQuotas",
    "iam:SimulatePrincipalPolicy",
)

_VARIANT = Option("variant", "which variant, where the endpoint has several")
_RELEASE = Option("release", "release a hold on the endpoint as well", "flag")


def capacity_verbs(kind: str) -> tuple[Verb, ...]:
    """Of `endpoint` or of `scaling`."""

    def deed(name: str) -> Callable[[], Deed]:
        def made() -> Deed:
            from console.kinds.capacity.scale import Scale
            from console.kinds.capacity.suspend import Suspend

            return Scale(kind) if name == "scale" else Suspend(kind, on=name == "suspend")

        return made

    return (
        Verb(
            id="scale",
            kind=kind,
            key="S",
            label="Scale",
            effect="set how many instances (copies) serve, or within which bounds autoscaling moves them",
            level=Level.CHANGE,
            writes=(REGISTER, INSTANCES, COPIES),
            reads=READS,
            deed=deed("scale"),
            options=(
                Option("min", "never fewer: survives scale-in, and moves capacity up at once", "int", usual=_min),
                Option("max", "never more: lets autoscaling go so far, launches nothing by itself", "int", usual=_max),
                Option("desired", "so many now: autoscaling may change it again at its next decision", "int"),
                _VARIANT,
                _RELEASE,
            ),
            off=_off,
        ),
        Verb(
            id="suspend",
            kind=kind,
            key="",
            label="Suspend scale-in",
            effect="keep autoscaling from taking instances away until it is resumed; scale-out goes on",
            level=Level.CHANGE,
            writes=(REGISTER,),
            reads=READS,
            deed=deed("suspend"),
            options=(_VARIANT, _RELEASE),
            off=_suspend_off,
        ),
        Verb(
            id="unsuspend",
            kind=kind,
            key="",
            label="Resume scale-in",
            effect="let autoscaling take instances away again",
            level=Level.CHANGE,
            writes=(REGISTER,),
            reads=READS,
            deed=deed("unsuspend"),
            options=(Option("all", "scale-out and scheduled scaling too, whoever suspended them", "flag"), _VARIANT,
                     _RELEASE),
            off=_unsuspend_off,
        ),
    )  # fmt: skip


def _targets(view: Any) -> tuple[Any, ...]:
    """The scalable targets behind a view of either kind; an endpoint's list knows only those in trouble."""
    return (view.target,) if hasattr(view, "target") else tuple(one.target for one in view.scaling)


def _min(view: Any) -> str:
    found = _targets(view)
    return str(found[0].min) if len(found) == 1 else ""


def _max(view: Any) -> str:
    found = _targets(view)
    return str(found[0].max) if len(found) == 1 else ""


def _off(view: Any) -> str:
    e = getattr(view, "endpoint", None)
    status = getattr(e, "status", "")
    if status in {"Failed", "Deleting", "Creating"}:
        return f"status is {status}: capacity cannot be changed"
    variants = getattr(e, "variants", ())
    if variants and not _targets(view) and all(v.serverless for v in variants):
        return "it is serverless: it scales by itself"
    return ""


def _suspend_off(view: Any) -> str:
    found = _targets(view)
    return "scale-in is suspended already" if found and all(t.suspended.scale_in for t in found) else ""


def _unsuspend_off(view: Any) -> str:
    found = _targets(view)
    return "nothing is suspended" if found and not any(t.suspended.words for t in found) else ""
