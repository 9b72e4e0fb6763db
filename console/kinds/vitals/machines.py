"""vCPUs and GPUs of an instance type: CPUUtilization goes to 100 x vCPUs, GPUUtilization to 100 x GPUs (facts 5.2).

From EC2's own sizes for the same families: `xlarge` has 4 vCPUs in every family that SageMaker offers.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

_SIZE = re.compile(r"ml\.([a-z][a-z0-9-]*)\.(?:(medium|large)|(\d*)xlarge)")
_SMALL = {"medium": 2, "large": 2}
_ONE_VCPU_MEDIUM = frozenset({"c6g", "m6g", "r6g", "c7g", "m7g", "r7g", "c8g", "m8g", "r8g"})

_G = {"12": 4, "24": 4, "48": 8}
_G4DN = {"12": 4}
_P: dict[str, dict[str, int]] = {
    "p2": {"": 1, "8": 8, "16": 16},
    "p3": {"2": 1, "8": 4, "16": 8},
    "p3dn": {"24": 8},
    "p4d": {"24": 8},
    "p4de": {"24": 8},
    "p5": {"4": 1, "48": 8},
    "p5e": {"48": 8},
    "p5en": {"48": 8},
}


class Machine(NamedTuple):
    vcpus: int
    gpus: int


@cache
def machine(instance_type: str) -> Machine | None:
    """None for a type that is not known: a share of nobody knows how many is no number."""
    found = _SIZE.fullmatch(instance_type)
    if found is None:
        return None
    family, small, times = found[1], found[2], found[3]
    if small:
        vcpus = 1 if small == "medium" and family in _ONE_VCPU_MEDIUM else _SMALL[small]
        return Machine(vcpus, 0)
    gpus = 0
    if family in _P:
        if times not in _P[family]:
            return None
        gpus = _P[family][times]
    elif re.fullmatch(r"g[4-7][a-z]*", family):
        gpus = (_G4DN if family == "g4dn" else _G).get(times, 1)
    elif family[0] in "gp":
        return None  # a family newer than this table
    return Machine(4 * int(times or 1), gpus)
