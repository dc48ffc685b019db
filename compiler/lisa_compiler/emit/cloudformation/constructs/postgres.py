"""The store of a pgvector repository: an RDS PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.policies import trust
from lisa_compiler.emit.cloudformation.constructs.store_access import store_security_group
from lisa_compiler.plan.provenance import bare, following
from lisa_schema.stores import database_class

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import RepositoryPlan
    from lisa_schema.models import RdsConfig

_POSTGRES_PORT = 5432
# The major version: RDS chooses the minor one, which Regions get at different times and withdraw.
_POSTGRES_VERSION = "16"
_POSTGRES_FAMILY = "postgres16"
_STORAGE_GIB = 100
_MAX_STORAGE_GIB = 1000
_BACKUP_DAYS = 7
_BACKUP_DAYS_RETAIN = 35


class PostgresRepository(Construct):
    """An encrypted RDS PostgreSQL instance in the isolated subnets, with a generated password.

    Attributes:
        host: address of the database.
        resource_id: its resource ID, by which IAM permits to connect.
        secret_arn: secret that holds user name, password, host and port of the administrator.
    """

    def __init__(self, scope: LisaStack, construct_id: str, *, plan: RepositoryPlan, settings: RdsConfig) -> None:
        super().__init__(scope, construct_id)
        deployment = scope.deployment
        key_arn = scope.key_arn
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            name=f"{deployment.names.prefix.strip('/')}/repositories/{plan.id}",
            description=f"Password of RAG repository {plan.config.repository_id}",
            kms_key_id=key_arn,
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=f'{{"username": "{settings.username}"}}',
                generate_string_key="password",
                password_length=32,
                exclude_characters="\"@/\\ '",
            ),
        )
        group = store_security_group(self, scope, description=plan.config.repository_id, port=_POSTGRES_PORT)
        subnets = rds.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description=f"{scope.plan.name}: {plan.config.repository_id}",
            subnet_ids=scope.read_list("IsolatedSubnets", "networking/subnets/isolated", "AWS::EC2::Subnet::Id"),
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
            trust=trust(deployment.service_principal("monitoring.rds"), account=deployment.names.account),
            policies={},
            managed_policies=[monitoring_policy],
            description=f"Allows RDS to publish metrics of RAG repository {plan.config.repository_id}",
        )
        scope.acknowledge(
            monitoring, {f"AwsSolutions-IAM4[Policy::{monitoring_policy}]": "RDS requires this AWS managed policy."}
        )
        database = rds.CfnDBInstance(
            self,
            "Database",
            db_instance_identifier=plan.resource_name,
            engine="postgres",
            engine_version=_POSTGRES_VERSION,
            db_instance_class=following(
                database_class(bare(deployment.region.name), is_isolated=iso), deployment.names.region
            ),
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
        # cfn-lint counts each major version as deprecated, because some of its minor ones are.
        database.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3691"]}})
        attachment = secretsmanager.CfnSecretTargetAttachment(
            self,
            "SecretAttachment",
            secret_id=secret.ref,
            target_id=database.ref,
            target_type="AWS::RDS::DBInstance",
        )
        scope.keep_or_delete(secret)
        scope.keep_or_delete(database, protected=True)
        scope.keep_with_data(group, subnets, parameters, monitoring)
        kept = ("BackupRetentionPeriod", "DeleteAutomatedBackups", "DeletionProtection", "MultiAZ")
        scope.record_keys(database, dict.fromkeys(kept, ("removalPolicy",)))
        scope.acknowledge(
            secret,
            {
                "AwsSolutions-SMG4": "Rotation needs a function that reaches the database; the password is generated, "
                "and changed by replacing the secret's value."
            },
        )
        reasons = {"AwsSolutions-RDS11": "The port is no secret: the database answers to the functions alone."}
        if not deployment.retains:
            reasons["AwsSolutions-RDS3"] = "removalPolicy destroy: a deployment that may be lost needs no standby."
            reasons["AwsSolutions-RDS10"] = "removalPolicy destroy: its data go with it."
        scope.acknowledge(database, reasons)
        self.host = database.attr_endpoint_address
        self.resource_id = database.attr_dbi_resource_id
        self.secret_arn = attachment.ref
