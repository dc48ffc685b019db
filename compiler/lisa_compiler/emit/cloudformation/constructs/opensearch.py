"""The store of an opensearch repository: a search domain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_opensearchservice as opensearch
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.policies import allow, document
from lisa_compiler.emit.cloudformation.constructs.store_access import store_security_group

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import RepositoryPlan
    from lisa_schema.models import OpenSearchDomain

_LOG_GROUPS = "/lisa/opensearch"
_OPENSEARCH_VERSION = "OpenSearch_2.11"
SEARCH_ACTIONS = ("es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpPost", "es:ESHttpPut")
"""Methods of the requests that the RAG function sends to a domain."""


class OpenSearchRepository(Construct):
    """An OpenSearch domain in the VPC, encrypted everywhere, that only the RAG role may use.

    Attributes:
        endpoint: host of the domain.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        plan: RepositoryPlan,
        settings: OpenSearchDomain,
        reader_arn: str,
        log_policy: logs.CfnResourcePolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        name = plan.resource_name or plan.id
        key_arn = scope.key_arn
        group = store_security_group(self, scope, description=plan.config.repository_id, port=443)
        log_group = scope.log_group(self, "LogGroup", f"{_LOG_GROUPS}/{name}").attr_arn
        zones = _zones(settings)
        private = scope.read_list("PrivateSubnets", "networking/subnets/private", "AWS::EC2::Subnet::Id")
        domain = opensearch.CfnDomain(
            self,
            "Domain",
            domain_name=name,
            engine_version=_OPENSEARCH_VERSION,
            cluster_config=opensearch.CfnDomain.ClusterConfigProperty(
                instance_count=settings.data_nodes,
                instance_type=settings.data_node_instance_type,
                dedicated_master_enabled=settings.master_nodes > 0,
                dedicated_master_count=settings.master_nodes or None,
                dedicated_master_type=settings.master_node_instance_type if settings.master_nodes else None,
                multi_az_with_standby_enabled=settings.multi_az_with_standby,
                zone_awareness_enabled=zones > 1,
                zone_awareness_config=(
                    opensearch.CfnDomain.ZoneAwarenessConfigProperty(availability_zone_count=zones)
                    if zones > 1
                    else None
                ),
            ),
            ebs_options=opensearch.CfnDomain.EBSOptionsProperty(
                ebs_enabled=True, volume_size=settings.volume_size, volume_type="gp3"
            ),
            encryption_at_rest_options=opensearch.CfnDomain.EncryptionAtRestOptionsProperty(
                enabled=True, kms_key_id=key_arn
            ),
            node_to_node_encryption_options=opensearch.CfnDomain.NodeToNodeEncryptionOptionsProperty(enabled=True),
            domain_endpoint_options=opensearch.CfnDomain.DomainEndpointOptionsProperty(
                enforce_https=True, tls_security_policy="Policy-Min-TLS-1-2-2019-07"
            ),
            vpc_options=opensearch.CfnDomain.VPCOptionsProperty(
                security_group_ids=[group.attr_group_id],
                subnet_ids=[cdk.Fn.select(index, private) for index in range(zones)],
            ),
            # Fine-grained access control, which audit logs need: the RAG role is the only user.
            advanced_security_options=opensearch.CfnDomain.AdvancedSecurityOptionsInputProperty(
                enabled=True,
                internal_user_database_enabled=False,
                master_user_options=opensearch.CfnDomain.MasterUserOptionsProperty(master_user_arn=reader_arn),
            ),
            log_publishing_options={
                log: opensearch.CfnDomain.LogPublishingOptionProperty(
                    cloud_watch_logs_log_group_arn=log_group, enabled=True
                )
                for log in ("AUDIT_LOGS", "ES_APPLICATION_LOGS")
            },
            access_policies=document(
                allow(
                    SEARCH_ACTIONS,
                    deployment.arn("es", f"domain/{name}/*"),
                    to={"AWS": reader_arn},
                )
            ),
        )
        scope.keep_or_delete(domain)
        scope.keep_with_data(group)
        own = (*plan.key, "opensearchConfig")
        nodes, standby, masters = ((*own, name) for name in ("dataNodes", "multiAzWithStandby", "masterNodes"))
        scope.record_keys(
            domain,
            {
                "ClusterConfig.DedicatedMasterEnabled": masters,
                "ClusterConfig.MultiAZWithStandbyEnabled": standby,
                "ClusterConfig.ZoneAwarenessEnabled": [nodes, standby],
                "ClusterConfig.ZoneAwarenessConfig": [nodes, standby],
                "VPCOptions.SubnetIds": [nodes, standby],
            },
        )
        domain.add_resource_dependency(log_policy)
        scope.acknowledge(
            domain,
            {
                "AwsSolutions-OS4": "Dedicated master nodes are what opensearchConfig.masterNodes asks for.",
                "AwsSolutions-OS7": "Zone awareness follows opensearchConfig.dataNodes.",
                "AwsSolutions-OS3": "The domain is in the VPC and lets one role in; addresses add nothing.",
                **{
                    f"AwsSolutions-OS9[LogExport::{log}]": "Slow logs would copy what users ask and documents say."
                    for log in ("INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS")
                },
            },
        )
        self.endpoint = domain.attr_domain_endpoint


def search_log_policy(stack: LisaStack) -> logs.CfnResourcePolicy:
    """Lets the account's OpenSearch domains write to LISA's log groups for them.

    One policy for all domains: an account has at most ten in a Region, which cannot be raised, each of at most 5,120
    characters (Amazon CloudWatch Logs User Guide, "CloudWatch Logs quotas").
    """
    deployment = stack.deployment
    statement = allow(
        ["logs:CreateLogStream", "logs:PutLogEvents", "logs:PutLogEventsBatch"],
        deployment.arn("logs", f"log-group:{_LOG_GROUPS}/*:*"),
        to={"Service": deployment.service_principal("es")},
        when={
            "StringEquals": {"aws:SourceAccount": deployment.names.account},
            "ArnLike": {"aws:SourceArn": deployment.arn("es", "domain/*")},
        },
    )
    return logs.CfnResourcePolicy(
        stack,
        "SearchLogPolicy",
        policy_name=f"{stack.plan.name}-opensearch",
        policy_document=json.dumps(document(statement)),
    )


def _zones(settings: OpenSearchDomain) -> int:
    """Availability zones of a domain: three with a standby, two when the data nodes can be halved, else one."""
    if settings.multi_az_with_standby:
        return 3
    return 2 if settings.data_nodes % 2 == 0 else 1
