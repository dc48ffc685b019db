"""The table of what CloudFormation replaces, against its source and against what is generated."""

from __future__ import annotations

import json
from pathlib import Path

from lisa_compiler.review.update_behavior import UpdateBehavior, name_property, update_behavior

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "compiler" / "lisa_compiler" / "review" / "update_behavior.json"


def test_the_table_is_what_the_installed_schemas_make() -> None:
    import refresh_update_behavior as source

    assert source.text(source.table()) == TABLE.read_text(encoding="utf-8")


def test_every_type_that_is_generated_is_in_it() -> None:
    templates = list(ROOT.glob("generated/*/cloudformation/*.template.json"))
    types = {one["Type"] for path in templates for one in json.loads(path.read_bytes())["Resources"].values()}
    assert templates
    assert types <= json.loads(TABLE.read_bytes())["types"].keys()


def test_a_path_below_a_property_that_replaces() -> None:
    assert update_behavior("AWS::ECS::TaskDefinition", ("ContainerDefinitions", 0, "Image")) is UpdateBehavior.REPLACES


def test_a_property_above_a_path_that_may_replace() -> None:
    kind = "AWS::OpenSearchService::Domain"
    assert update_behavior(kind, ("AdvancedSecurityOptions",)) is UpdateBehavior.MAY_REPLACE
    assert update_behavior(kind, ("AdvancedSecurityOptions", "MasterUserOptions")) is UpdateBehavior.IN_PLACE


def test_a_type_that_nobody_knows() -> None:
    assert update_behavior("AWS::New::Thing", ("Property",)) is UpdateBehavior.UNKNOWN
    assert update_behavior("Custom::Thing", ("Property",)) is UpdateBehavior.IN_PLACE


def test_names_are_those_that_a_template_gives() -> None:
    assert name_property("AWS::DynamoDB::Table") == "TableName"
    assert name_property("AWS::ElasticLoadBalancingV2::LoadBalancer") == "Name"
    assert name_property("AWS::ECS::TaskDefinition") is None
    assert name_property("AWS::EC2::VPC") is None
