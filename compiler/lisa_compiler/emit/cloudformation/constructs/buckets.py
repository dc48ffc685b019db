"""Buckets: private, encrypted, versioned, TLS only, and emptied when their stack goes and the data may go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.custom_resources import BucketEmptier
from lisa_compiler.emit.cloudformation.constructs.policies import Statement, deny_plain_text, document
from lisa_schema.models.enums import ObjectLock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


class PrivateBucket(Construct):
    """A bucket that nobody reaches but by a policy.

    `expire_days` is how long objects are kept, `noncurrent_days` how long versions that are deleted or replaced are.
    `object_lock` keeps objects for `expire_days`, whoever deletes them; such a bucket outlives its stack.

    Attributes:
        resource: the bucket.
        name: its name.
        arn: its ARN.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        name: str,
        key_arn: str | None = None,
        log_bucket: str | None = None,
        cors_origin: str | None = None,
        statements: Sequence[Statement] = (),
        expire_days: int | None = None,
        noncurrent_days: int = 90,
        object_lock: ObjectLock = ObjectLock.NONE,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.arn = f"arn:{scope.deployment.region.partition.id}:s3:::{name}"
        default = (
            s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="aws:kms", kms_master_key_id=key_arn)
            if key_arn
            else s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
        )
        self.resource = s3.CfnBucket(
            self,
            "Resource",
            bucket_name=name,
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[
                    s3.CfnBucket.ServerSideEncryptionRuleProperty(
                        bucket_key_enabled=key_arn is not None, server_side_encryption_by_default=default
                    )
                ]
            ),
            public_access_block_configuration=s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
            ),
            ownership_controls=s3.CfnBucket.OwnershipControlsProperty(
                rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
            ),
            versioning_configuration=s3.CfnBucket.VersioningConfigurationProperty(status="Enabled"),
            logging_configuration=(
                s3.CfnBucket.LoggingConfigurationProperty(
                    destination_bucket_name=log_bucket, log_file_prefix=f"s3/{name}/"
                )
                if log_bucket
                else None
            ),
            lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(
                rules=_lifecycle(expire_days, noncurrent_days)
            ),
            object_lock_enabled=True if object_lock is not ObjectLock.NONE else None,
            object_lock_configuration=_lock(object_lock, expire_days),
            cors_configuration=_cors(cors_origin) if cors_origin else None,
        )
        policy = s3.CfnBucketPolicy(
            self,
            "Policy",
            bucket=self.resource.ref,
            policy_document=document(deny_plain_text(self.resource.attr_arn), *statements),
        )
        if object_lock is not ObjectLock.NONE:
            # S3 deletes no bucket with objects that are locked: a stack that tries would not be deleted either.
            self.resource.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
            return
        scope.keep_or_delete(self.resource)
        if not scope.deployment.retains:
            emptier = BucketEmptier(
                self,
                "Emptier",
                stack=scope,
                bucket=construct_id.lower(),
                bucket_name=name,
                bucket_arn=self.arn,
            )
            emptier.resource.add_resource_dependency(self.resource)
            emptier.resource.add_resource_dependency(policy)


def _lock(object_lock: ObjectLock, expire_days: int | None) -> s3.CfnBucket.ObjectLockConfigurationProperty | None:
    if object_lock is ObjectLock.NONE:
        return None
    return s3.CfnBucket.ObjectLockConfigurationProperty(
        object_lock_enabled="Enabled",
        rule=s3.CfnBucket.ObjectLockRuleProperty(
            default_retention=s3.CfnBucket.DefaultRetentionProperty(mode=object_lock.upper(), days=expire_days)
        ),
    )


def _lifecycle(expire_days: int | None, noncurrent_days: int) -> list[s3.CfnBucket.RuleProperty]:
    rules = [
        s3.CfnBucket.RuleProperty(
            id="abort-incomplete-uploads",
            status="Enabled",
            abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                days_after_initiation=7
            ),
        ),
        s3.CfnBucket.RuleProperty(
            id="expire-old-versions",
            status="Enabled",
            noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(
                noncurrent_days=noncurrent_days
            ),
        ),
    ]
    if expire_days is not None:
        rules.append(s3.CfnBucket.RuleProperty(id="expire", status="Enabled", expiration_in_days=expire_days))
    return rules


def _cors(origin: str) -> s3.CfnBucket.CorsConfigurationProperty:
    return s3.CfnBucket.CorsConfigurationProperty(
        cors_rules=[
            s3.CfnBucket.CorsRuleProperty(
                allowed_origins=[origin], allowed_methods=["POST", "PUT"], allowed_headers=["*"], max_age=3000
            )
        ]
    )
