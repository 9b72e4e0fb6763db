"""What an instance type has: vCPUs, memory, GPUs (EC2's own sizes for the same families)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

_VCPUS = {"nano": 1, "micro": 1, "small": 1, "medium": 2, "large": 2, "xlarge": 4}
_GIB_PER_VCPU = {"c": 2.0, "r": 8.0, "t": 2.0, "p": 7.6}
_GPUS = {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}
"""Of g5 and g6; smaller sizes have one. Those of p are in `_P_GPUS`."""
_P_GPUS = {"2xlarge": 1, "4xlarge": 1, "8xlarge": 4, "16xlarge": 8, "24xlarge": 8, "48xlarge": 8}


@dataclass(frozen=True, slots=True)
class Machine:
    vcpus: float
    memory_mb: float
    gpus: float = 0.0


@functools.cache
def machine(instance_type: str) -> Machine:
    """Of `ml.c6i.xlarge` and the like; a type that is not known counts as 4 vCPUs."""
    family, _, size = instance_type.removeprefix("ml.").partition(".")
    vcpus = _VCPUS.get(size) or (4 * int(size.removesuffix("xlarge")) if size[:1].isdigit() else 4)
    memory_mb = 1024 * vcpus * _GIB_PER_VCPU.get(family[:1], 4.0)
    gpus = 0
    if family[:1] == "g":
        gpus = 4 if (family, size) == ("g4dn", "12xlarge") else _GPUS.get(size, 1)
    elif family[:1] == "p":
        gpus = _P_GPUS.get(size, 1)
    return Machine(float(vcpus), memory_mb, float(gpus))
