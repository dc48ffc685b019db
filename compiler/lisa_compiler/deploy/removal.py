"""Delete stacks completely: turn protections off, empty buckets, and leave behind only what a person names.

A deletion that failed is finished the same way. What a template retains stays in the account; adoption finds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.aws.session import translate_aws_errors

if TYPE_CHECKING:
    from lisa_compiler.aws.cloudformation import CloudFormation, DeployedStack
    from lisa_compiler.aws.stack_operations import Ending, StackOperations, StackResource

_BUCKET, _LOAD_BALANCER = "AWS::S3::Bucket", "AWS::ElasticLoadBalancingV2::LoadBalancer"
_RETAINED = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How stacks are removed.

    Attributes:
        operations: CloudFormation.
        skipped: logical ids that may be left behind, by component; a person named them.
        tell: receives what is being done.
    """

    operations: StackOperations
    skipped: Mapping[str, Sequence[str]]
    tell: Callable[[str], None]

    def prepare(self, stack: DeployedStack) -> None:
        """Turn off what would stop the deletion of a stack whose removal was approved.

        Raises:
            DeployError: AWS rejects a request.
        """
        if stack.is_protected:
            self.operations.permit_deletion(stack.name)
        for resource in self._deletable(stack.name, _LOAD_BALANCER, self.operations.resources(stack.name)):
            try:
                with translate_aws_errors(f"Deletion protection of {resource.identity} cannot be turned off"):
                    self._client("elbv2").modify_load_balancer_attributes(
                        LoadBalancerArn=resource.identity,
                        Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
                    )
            except RequestError as error:
                # It may be off, or gone: whether the deletion fails is CloudFormation's to say.
                self.tell(str(error))

    def remove(self, stack: DeployedStack, component: str) -> None:
        """Delete a stack, or finish its deletion.

        Raises:
            DeployError: resources cannot be deleted, and `skipped` does not name all of them.
        """
        name = stack.name
        self.prepare(stack)
        ending = self.operations.delete(name)
        if ending.status == "DELETE_FAILED" and self._empty(name, ending.failed):
            ending = self.operations.delete(name)
        if ending.status == "DELETE_FAILED":
            failed = [each.logical_id for each in ending.failed]
            allowed = [logical_id for logical_id in failed if logical_id in self.skipped.get(component, ())]
            if failed and allowed == failed:
                self.tell(f"{name}: leaving {', '.join(allowed)} behind")
                ending = self.operations.delete(name, allowed)
        if ending.status != "DELETE_COMPLETE":
            raise DeployError(_explained(component, ending, f"{name} could not be deleted"))

    def _empty(self, name: str, failed: Sequence[StackResource]) -> bool:
        """Empty buckets that are deleted with their data; whether there was one."""
        buckets = self._deletable(name, _BUCKET, failed)
        for bucket in buckets:
            self.tell(f"{name}: emptying the bucket {bucket.identity}")
            with translate_aws_errors(f"The bucket {bucket.identity} cannot be emptied"):
                self._empty_bucket(bucket.identity)
        return bool(buckets)

    def _empty_bucket(self, name: str) -> None:
        client, owner = self._client("s3"), self._cloudformation.account.number
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name, ExpectedBucketOwner=owner):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if found:
                objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                answer = client.delete_objects(
                    Bucket=name, ExpectedBucketOwner=owner, Delete={"Objects": objects, "Quiet": True}
                )
                if errors := (answer or {}).get("Errors"):
                    raise DeployError(f"{errors[0]['Key']} of {name} cannot be deleted: {errors[0]['Message']}.")

    def _deletable(self, name: str, kind: str, resources: Sequence[StackResource]) -> list[StackResource]:
        """The resources of a type that the deployed template does not retain."""
        found = [each for each in resources if each.resource_type == kind and each.identity]
        if not found:
            return []
        entries = self._cloudformation.template(name).get("Resources", {})
        # A resource that the template no longer has was to be deleted by an update.
        return [each for each in found if entries.get(each.logical_id, {}).get("DeletionPolicy") not in _RETAINED]

    @property
    def _cloudformation(self) -> CloudFormation:
        return self.operations.cloudformation

    def _client(self, service: str) -> Any:
        # The role of the bootstrap that deploys has permissions for CloudFormation alone.
        return self._cloudformation.account.client(service)


def _explained(component: str, ending: Ending, what: str) -> str:
    """An error with CloudFormation's reasons, and how to go on without the resources that failed."""
    reasons = "".join(f"\n  {line}" for line in dict.fromkeys(ending.reasons))
    fix = "Fix these errors and rerun the command"
    if ending.failed:
        options = " ".join(f"--skip {component}.{each.logical_id}" for each in ending.failed)
        fix += f", or leave these resources as they are: {options}"
    return f"{what} ({ending.status}). {fix}.{reasons}"


def explained_rollback(name: str, component: str, ending: Ending) -> str:
    """The error of a rollback that failed again."""
    return _explained(component, ending, f"{name} could not be rolled back")
