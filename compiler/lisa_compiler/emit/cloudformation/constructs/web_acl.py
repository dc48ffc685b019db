"""The web ACL of AWS WAF in front of what callers reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_wafv2 as wafv2

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def associate_web_acl(stack: LisaStack, *, resource_arn: str) -> wafv2.CfnWebACLAssociation | None:
    """Add the association of `wafWebAclArn`, which filters requests to a load balancer or an API stage.

    Args:
        stack: the stack of the resource.
        resource_arn: ARN of the load balancer or the stage.

    Returns:
        The association; None without `wafWebAclArn`.
    """
    web_acl = stack.deployment.config.waf_web_acl_arn
    if web_acl is None:
        return None
    return wafv2.CfnWebACLAssociation(stack, "WebAclAssociation", resource_arn=resource_arn, web_acl_arn=web_acl)
