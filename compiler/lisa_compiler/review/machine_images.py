"""AMIs of instances: changes of the AMI id in launch templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lisa_compiler.review.formatting import join_list
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource

_LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"


def compare_amis(before: Output, after: Output) -> Iterator[Impact]:
    """Find instances that boot another AMI, one impact for each AMI and what it was before."""
    services: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, resource in after.resources.items():
        old = before.resources.get(key)
        if resource.type != _LAUNCH_TEMPLATE or old is None:
            continue
        change = (_ami(old, before), _ami(resource, after))
        if change[0] != change[1]:
            services[change].append(f"**{after.stacks[resource.component].title}**")
    for (old_ami, new_ami), titles in services.items():
        yield Impact(
            ImpactCategory.CODE_CHANGED,
            f"The instances of {join_list(titles)} are replaced to boot another AMI: {old_ami} → {new_ami}.",
        )


def _ami(template: Resource, output: Output) -> str:
    image = template.properties.get("LaunchTemplateData", {}).get("ImageId")
    if not isinstance(image, dict):
        return f"`{image}`"
    parameter = output.stacks[template.component].parameters.get(str(image.get("Ref")), {})
    default = parameter.get("Default")
    if default is None:
        return "none (not pinned)"
    if "SSM" in str(parameter.get("Type")):
        return f"`{default}`, resolved at each deployment"
    return f"`{default}`"
