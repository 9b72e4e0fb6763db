"""Service Quotas, as far as an operator needs it: how many instances of a type endpoints may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import page
from console.world.shapes import model

if TYPE_CHECKING:
    from console.world.world import Region, World

DEFAULT = 20
SCARCE = 0
"""Large GPUs start at none (facts: sagemaker 6.1, `often 0`)."""


def quota_name(instance_type: str) -> str:
    return f"{instance_type} for endpoint usage"


class Quotas:
    """Instances per type in one region, by instance type; `limits` holds what differs from the default."""

    def __init__(self, region: Region) -> None:
        self.limits: dict[str, int] = {}

    def limit(self, instance_type: str) -> int:
        default = SCARCE if instance_type.startswith("ml.p") else DEFAULT
        return self.limits.get(instance_type, default)

    def grant(self, instance_type: str, more: int) -> None:
        """An increase that was asked for and approved."""
        self.limits[instance_type] = self.limit(instance_type) + more


def instance_types() -> list[str]:
    shape = model("sagemaker").shape_for("ProductionVariantInstanceType")
    return sorted(shape.enum)


def _code(instance_type: str) -> str:
    """Codes look like L-1928E07B and are stable; these are so too, but not AWS' own."""
    return f"L-{sum(ord(sign) * 31**place for place, sign in enumerate(instance_type)) % 16**8:08X}"


def _quota(region: Region, instance_type: str) -> dict[str, Any]:
    code = _code(instance_type)
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": region.arn(f"sagemaker/{code}", service="servicequotas"),
        "QuotaCode": code,
        "QuotaName": quota_name(instance_type),
        "Value": float(region.of(Quotas).limit(instance_type)),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _only_sagemaker(request: dict[str, Any]) -> None:
    if request["ServiceCode"] != "sagemaker":
        raise AwsError("NoSuchResourceException", "The request failed because the specified service does not exist.")


@operation("ListServiceQuotas", service="service-quotas")
def list_service_quotas(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    _only_sagemaker(request)
    cut, token = page(instance_types(), request, default=100)
    return {"Quotas": [_quota(region, name) for name in cut], "NextToken": token}


@operation("GetServiceQuota", service="service-quotas")
def get_service_quota(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    _only_sagemaker(request)
    for name in instance_types():
        if _code(name) == request["QuotaCode"]:
            return {"Quota": _quota(region, name)}
    raise AwsError("NoSuchResourceException", "The request failed because the specified quota does not exist.")
