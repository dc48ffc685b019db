"""Stores of RAG repositories: a PostgreSQL database for pgvector, or an OpenSearch domain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_opensearchservice as opensearch
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from lisa_compiler.constructs.policies import allow, document, trust

if TYPE_CHECKING:
    from lisa_compiler.constructs.stack import LisaStack
    from lisa_compiler.plan import RepositoryPlan
    from lisa_schema.models import OpenSearchDomain, RdsConfig

_POSTGRES_PORT = 5432
_POSTGRES_VERSION = "16.13"
_POSTGRES_FAMILY = "postgres16"
_DATABASE_CLASS = "db.m6i.large"
_DATABASE_CLASS_ISO = "db.m5.large"
_STORAGE_GIB = 100
_MAX_STORAGE_GIB = 1000
_BACKUP_DAYS = 7
_BACKUP_DAYS_RETAIN = 35
_OPENSEARCH_VERSION = "OpenSearch_2.11"


class PostgresRepository(Construct):
    """An encrypted RDS PostgreSQL instance in the isolated subnets, with a generated password.

    Attributes:
        host: address of the database.
        secret_arn: secret that holds user name, password, host and port.
    """

    def __init__(self, scope: LisaStack, construct_id: str, *, plan: RepositoryPlan, settings: RdsConfig) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        key_arn = scope.read("KeyArn", "keys/data")
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            name=f"{deployment.names.prefix.strip('/')}/repositories/{plan.id}",
            description=f"Password of repository {plan.config.repository_id}",
            kms_key_id=key_arn,
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=f'{{"username": "{settings.username}"}}',
                generate_string_key="password",
                password_length=32,
                exclude_characters="\"@/\\ '",
            ),
        )
        group = ec2.CfnSecurityGroup(
            self,
            "SecurityGroup",
            vpc_id=scope.read("VpcId", "networking/vpcId", "AWS::EC2::VPC::Id"),
            group_description=f"{scope.plan.name}: {plan.config.repository_id}",
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=_POSTGRES_PORT,
                    to_port=_POSTGRES_PORT,
                    source_security_group_id=scope.read(
                        "FunctionsSecurityGroupId",
                        "networking/securityGroups/functions",
                        "AWS::EC2::SecurityGroup::Id",
                    ),
                    description="From the Lambda functions",
                )
            ],
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp", from_port=1, to_port=1, cidr_ip="127.0.0.1/32", description="Calls nobody"
                )
            ],
        )
        subnets = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description=f"{scope.plan.name}: {plan.config.repository_id}",
            subnet_ids=scope.read_list("IsolatedSubnetIds", "networking/isolatedSubnetIds", "AWS::EC2::Subnet::Id"),
        )
        parameters = rds.CfnDBParameterGroup(
            self,
            "Parameters",
            family=_POSTGRES_FAMILY,
            description=f"{scope.plan.name}: TLS for every connection",
            parameters={"rds.force_ssl": "1", "log_statement": "ddl", "log_min_duration_statement": "1000"},
        )
        iso = deployment.region.partition.is_iso
        monitoring_policy = (
            f"arn:{deployment.region.partition.id}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
        )
        monitoring = scope.role(
            f"{construct_id}MonitoringRole",
            f"rds-monitoring-{plan.id}",
            trust=trust("monitoring.rds.amazonaws.com", account=deployment.names.account),
            policies={},
            managed_policies=[monitoring_policy],
            description=f"Lets RDS publish the metrics of repository {plan.config.repository_id}",
        )
        scope.acknowledge(
            monitoring, {f"AwsSolutions-IAM4[Policy::{monitoring_policy}]": "RDS wants this policy of AWS."}
        )
        database = rds.CfnDBInstance(
            self,
            "Database",
            db_instance_identifier=plan.resource_name,
            engine="postgres",
            engine_version=_POSTGRES_VERSION,
            db_instance_class=_DATABASE_CLASS_ISO if iso else _DATABASE_CLASS,
            db_name=settings.db_name if settings.db_name != "postgres" else None,
            master_username=f"{{{{resolve:secretsmanager:{secret.ref}:SecretString:username}}}}",
            master_user_password=f"{{{{resolve:secretsmanager:{secret.ref}:SecretString:password}}}}",
            allocated_storage=str(_STORAGE_GIB),
            max_allocated_storage=_MAX_STORAGE_GIB,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=key_arn,
            db_subnet_group_name=subnets.ref,
            db_parameter_group_name=parameters.ref,
            vpc_security_groups=[group.attr_group_id],
            publicly_accessible=False,
            multi_az=deployment.retains,
            backup_retention_period=_BACKUP_DAYS_RETAIN if deployment.retains else _BACKUP_DAYS,
            copy_tags_to_snapshot=True,
            delete_automated_backups=not deployment.retains,
            deletion_protection=deployment.retains,
            enable_iam_database_authentication=True,
            enable_cloudwatch_logs_exports=["postgresql", "upgrade"],
            auto_minor_version_upgrade=True,
            monitoring_interval=60,
            monitoring_role_arn=monitoring.attr_arn,
            ca_certificate_identifier=None if iso else "rds-ca-rsa2048-g1",
        )
        attachment = secretsmanager.CfnSecretTargetAttachment(
            self,
            "SecretAttachment",
            secret_id=secret.ref,
            target_id=database.ref,
            target_type="AWS::RDS::DBInstance",
        )
        scope.keep_or_delete(secret, database)
        scope.acknowledge(
            secret,
            {
                "AwsSolutions-SMG4": "Rotation needs a function that reaches the database; the password is changed by "
                "replacing the secret's value and is in nobody's hands."
            },
        )
        reasons = {"AwsSolutions-RDS11": "The port is no secret: the database answers to the functions alone."}
        if not deployment.retains:
            reasons["AwsSolutions-RDS3"] = "removalPolicy destroy: a deployment that may be lost needs no standby."
            reasons["AwsSolutions-RDS10"] = "removalPolicy destroy: its data go with it."
        scope.acknowledge(database, reasons)
        self.host = database.attr_endpoint_address
        self.secret_arn = attachment.ref


class OpenSearchRepository(Construct):
    """An OpenSearch domain in the VPC, encrypted everywhere, that only the RAG role may use.

    Attributes:
        endpoint: host of the domain.
    """

    def __init__(
        self, scope: LisaStack, construct_id: str, *, plan: RepositoryPlan, settings: OpenSearchDomain
    ) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        name = plan.resource_name or plan.id
        rag_role = scope.read("RagRoleArn", "roles/lambda-rag")
        key_arn = scope.read("KeyArn", "keys/data")
        group = ec2.CfnSecurityGroup(
            self,
            "SecurityGroup",
            vpc_id=scope.read("VpcId", "networking/vpcId", "AWS::EC2::VPC::Id"),
            group_description=f"{scope.plan.name}: {plan.config.repository_id}",
            security_group_ingress=[
                ec2.CfnSecurityGroup.IngressProperty(
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    source_security_group_id=scope.read(
                        "FunctionsSecurityGroupId",
                        "networking/securityGroups/functions",
                        "AWS::EC2::SecurityGroup::Id",
                    ),
                    description="From the Lambda functions",
                )
            ],
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp", from_port=1, to_port=1, cidr_ip="127.0.0.1/32", description="Calls nobody"
                )
            ],
        )
        log_group, log_policy = self._audit_log(scope, name)
        zones = _zones(settings)
        private = scope.read_list("PrivateSubnetIds", "networking/privateSubnetIds", "AWS::EC2::Subnet::Id")
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
                master_user_options=opensearch.CfnDomain.MasterUserOptionsProperty(master_user_arn=rag_role),
            ),
            log_publishing_options={
                log: opensearch.CfnDomain.LogPublishingOptionProperty(
                    cloud_watch_logs_log_group_arn=log_group, enabled=True
                )
                for log in ("AUDIT_LOGS", "ES_APPLICATION_LOGS")
            },
            access_policies=document(
                allow(
                    "es:ESHttp*",
                    deployment.arn("es", f"domain/{name}/*"),
                    to={"AWS": rag_role},
                )
            ),
        )
        scope.keep_or_delete(domain)
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

    def _audit_log(self, scope: LisaStack, name: str) -> tuple[str, logs.CfnResourcePolicy]:
        """A log group and the policy that lets OpenSearch write to it."""
        deployment = scope.deployment
        log_group_name = f"/lisa/opensearch/{name}"
        group = logs.CfnLogGroup(
            self,
            "LogGroup",
            log_group_name=log_group_name,
            retention_in_days=365,
            kms_key_id=scope.read("KeyArn", "keys/data"),
        )
        scope.keep_or_delete(group)
        statement = allow(
            ["logs:CreateLogStream", "logs:PutLogEvents", "logs:PutLogEventsBatch"],
            deployment.arn("logs", f"log-group:{log_group_name}:*"),
            to={"Service": "es.amazonaws.com"},
            when={
                "StringEquals": {"aws:SourceAccount": deployment.names.account},
                "ArnLike": {"aws:SourceArn": deployment.arn("es", f"domain/{name}")},
            },
        )
        policy = logs.CfnResourcePolicy(
            self, "LogPolicy", policy_name=name, policy_document=json.dumps(document(statement))
        )
        return group.attr_arn, policy


def _zones(settings: OpenSearchDomain) -> int:
    """Availability zones of a domain: three with a standby, two when the data nodes can be halved, else one."""
    if settings.multi_az_with_standby:
        return 3
    return 2 if settings.data_nodes % 2 == 0 else 1
