"""Whether the copies of an inference component fit on the instances of their variant.

AWS takes a number that does not fit, works on it for minutes, and leaves the component with the copies that it could
place. What each copy asks for is in its Specification.ComputeResourceRequirements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.actions.checks import unseen
from console.actions.model import Check, Verdict
from console.actions.verb import Desk
from console.errors import SourceError
from console.kinds.capacity.looking import Subject
from console.kinds.vitals.machines import Machine, machine
from console.text import count

GUESTS = 20
"""Components on one variant that are described, a call each."""


def fits(desk: Desk, s: Subject, copies: int) -> Iterator[Check]:
    """Nothing where no more copies are asked for than there are."""
    if s.component is None or copies <= (s.current or 0):
        return
    try:
        yield _fits(desk, s, copies)
    except SourceError as error:
        yield Check("room", Verdict.UNKNOWN, unseen(error))


def _fits(desk: Desk, s: Subject, copies: int) -> Check:
    reader = desk.reader("sagemaker")
    config = reader.describe_endpoint_config(EndpointConfigName=s.endpoint.config)
    named = (v for v in config["ProductionVariants"] if v["VariantName"] == s.variant.name)
    variant: Mapping[str, Any] = next(named, {})
    type_, instances = str(variant.get("InstanceType", "")), s.variant.instances or 0
    whole = machine(type_)
    names = [c["InferenceComponentName"] for c in _guests(reader, s)]
    if whole is None or not instances or len(names) > GUESTS:
        why = f"{len(names)} components share {s.variant.name}" if whole else f"{type_ or 'its type'}: size not known"
        return Check("room", Verdict.UNKNOWN, f"{why}: nobody looked whether {copies} fit")
    told = {name: reader.describe_inference_component(InferenceComponentName=name) for name in names}
    mine = _needs(told.get(s.name, {}))
    others = [(_placed(one), _needs(one)) for name, one in told.items() if name != s.name]
    room, why = _room(whole, instances, mine, others)
    on = f"{count(instances, 'instance')} of {type_}"
    if room is None or room >= copies:
        return Check("room", Verdict.PASS, f"{copies} fit on {on} by vCPUs and GPUs")
    managed = variant.get("ManagedInstanceScaling") or {}
    most = int(managed.get("MaxInstanceCount") or 0) if managed.get("Status") == "ENABLED" else 0
    said = f"{copies} copies do not fit on {on}, {room} do: {why}"
    if most <= instances:
        return Check("room", Verdict.FAIL, f"{said}; {s.endpoint.name} needs more instances first")
    grown, _ = _room(whole, most, mine, others)
    if grown is None or grown >= copies:
        return Check("room", Verdict.WARN, f"{said}; SageMaker may add instances, up to {most}")
    return Check("room", Verdict.FAIL, f"{said}; on the {most} that SageMaker may add up to {grown} do")


def _room(
    whole: Machine, instances: int, mine: Mapping[str, float], others: Sequence[tuple[int, Mapping[str, float]]]
) -> tuple[int | None, str]:
    """At most so many copies fit, and what limits them; None where nothing known does."""
    room: int | None = None
    why = ""
    for have, member, word in (
        (whole.vcpus, "NumberOfCpuCoresRequired", "vCPUs"),
        (whole.gpus, "NumberOfAcceleratorDevicesRequired", "GPUs"),
    ):  # memory is not among them: AWS keeps a part of it that nobody knows
        if not (each := mine.get(member, 0.0)):
            continue
        used = sum(copies * needs.get(member, 0.0) for copies, needs in others)
        # A copy is not split between instances.
        found = max(0, int(min((have * instances - used) // each, instances * (have // each))))
        if room is None or found < room:
            rest = f", others use {used:g}" if used else ""
            room, why = found, f"each takes {each:g} of {have * instances} {word}{rest}"
    return room, why


def _guests(reader: Any, s: Subject) -> Iterator[Mapping[str, Any]]:
    pages = reader.get_paginator("list_inference_components")
    for page in pages.paginate(EndpointNameEquals=s.endpoint.name, VariantNameEquals=s.variant.name):
        yield from page["InferenceComponents"]


def _needs(told: Mapping[str, Any]) -> dict[str, float]:
    needs = (told.get("Specification") or {}).get("ComputeResourceRequirements") or {}
    return {member: float(value) for member, value in needs.items()}


def _placed(told: Mapping[str, Any]) -> int:
    return int((told.get("RuntimeConfig") or {}).get("CurrentCopyCount") or 0)
