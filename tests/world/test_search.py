"""Search: an index that lags, its operators, and what its records lack."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world.conftest import Lab
from tests.world.test_endpoints import refused


def names(lab: Lab, *filters: dict[str, str], **request: Any) -> set[str]:
    expression = {"Filters": list(filters) or [{"Name": "EndpointName", "Operator": "Exists"}]} | request
    pages = lab.client("sagemaker").get_paginator("search").paginate(Resource="Endpoint", SearchExpression=expression)
    return {one["Endpoint"]["EndpointName"] for cut in pages for one in cut["Results"]}


def test_the_index_lags_behind_describe(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    sagemaker.update_endpoint(EndpointName="lead-value", EndpointConfigName="lead-value-v1")
    lab.clock.tick(5)
    newest = sagemaker.search(Resource="Endpoint")["Results"][0]["Endpoint"]
    assert newest["EndpointName"] != "lead-value"
    lab.clock.tick(6)
    newest = sagemaker.search(Resource="Endpoint")["Results"][0]["Endpoint"]
    assert (newest["EndpointName"], newest["EndpointStatus"]) == ("lead-value", "Updating"), "newest modified first"
    assert newest["EndpointConfigName"] == "lead-value-v2"
    assert not {"PendingDeploymentSummary", "LastDeploymentConfig"} & set(newest)
    assert {"team", "owner"} <= {tag["Key"] for tag in newest["Tags"]}
    sagemaker.delete_endpoint(EndpointName="route-cost")
    lab.clock.tick(65)
    assert "route-cost" in names(lab)
    lab.clock.tick(15)
    assert "route-cost" not in names(lab)


@pytest.mark.parametrize(
    "filter_, found",
    [
        ({"Name": "EndpointName", "Operator": "Equals", "Value": "ads-embed"}, {"ads-embed"}),
        ({"Name": "EndpointName", "Operator": "Contains", "Value": "CHURN"}, {"churn-scorer"}),
        ({"Name": "EndpointName", "Operator": "In", "Value": "ads-embed, eta-minutes"}, {"ads-embed", "eta-minutes"}),
        ({"Name": "FailureReason", "Operator": "Exists"}, {"price-elastic"}),
        ({"Name": "Tags.team", "Operator": "Equals", "Value": "search"}, {"search-rank"}),
        (
            {"Name": "ProductionVariants.CurrentInstanceCount", "Operator": "GreaterThan", "Value": "5"},
            {"fraud-online"},
        ),
        ({"Name": "ProductionVariants.VariantName", "Operator": "Equals", "Value": "challenger"}, {"fraud-online"}),
        ({"Name": "CreationTime", "Operator": "GreaterThan", "Value": "2100-01-01T00:00:00Z"}, set()),
        ({"Name": "EndpointStatus", "Operator": "NotEquals", "Value": "InService"}, set()),
    ],
)
def test_operators(lab: Lab, filter_: dict[str, str], found: set[str]) -> None:
    assert names(lab, filter_) == found


def test_expressions_nest(lab: Lab) -> None:
    ads = {"Name": "EndpointName", "Operator": "Equals", "Value": "ads-embed"}
    team = {"Name": "Tags.team", "Operator": "Equals", "Value": "payments"}
    assert names(lab, ads, team) == set()
    assert names(lab, ads, team, Operator="Or") == {"ads-embed", "fraud-online"}
    inner = [{"Filters": [ads]}, {"Filters": [team]}]
    assert names(lab, ads, Operator="Or", SubExpressions=inner) == {"ads-embed", "fraud-online"}
    many = [
        {"Name": "ProductionVariants.VariantName", "Operator": "Equals", "Value": "challenger"},
        {"Name": "ProductionVariants.CurrentWeight", "Operator": "GreaterThan", "Value": "0.5"},
    ]
    assert names(lab, *many) == {"fraud-online"}, "by different variants"
    nested = [{"NestedPropertyName": "ProductionVariants", "Filters": many}]
    expression = {"NestedFilters": nested}
    assert not lab.client("sagemaker").search(Resource="Endpoint", SearchExpression=expression)["Results"]


def test_what_search_refuses(lab: Lab) -> None:
    search = lab.client("sagemaker").search
    for bad in (
        {"Name": "EndpointName", "Operator": "Exists", "Value": "x"},
        {"Name": "EndpointName", "Operator": "Equals"},
        {"Name": "CreationTime", "Operator": "GreaterThan", "Value": "yesterday"},
    ):
        assert refused(search, Resource="Endpoint", SearchExpression={"Filters": [bad]})[0] == "ValidationException"
    assert refused(search, Resource="EndpointConfig")[0] == "ValidationException"
    assert search(Resource="ModelCard")["Results"] == []


def test_sorting_and_paging(lab: Lab) -> None:
    pages = (
        lab.client("sagemaker")
        .get_paginator("search")
        .paginate(Resource="Endpoint", SortBy="EndpointName", SortOrder="Ascending", MaxResults=5)
    )
    found = [[one["Endpoint"]["EndpointName"] for one in cut["Results"]] for cut in pages]
    assert [len(cut) for cut in found] == [5, 5, 2]
    flat = [name for cut in found for name in cut]
    assert flat == sorted(flat)
