"""What every part of the configuration has in common: frozen, exact, camelCase outside and snake_case inside."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

from lisa_schema.image_reference import IMAGE_PATTERN


class ConfigModel(BaseModel):
    """A block of the configuration: frozen, and no key that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        serialize_by_alias=True,
        protected_namespaces=(),
        defer_build=True,
    )


class Passthrough(BaseModel):
    """A block that LiteLLM defines: the keys known here are typed, all others pass through as they are written."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=(), defer_build=True)


Flag = Annotated[bool, Strict()]
Integer = Annotated[int, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Positive = Annotated[int, Strict(), Field(ge=1)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]


def pattern_string(pattern: str, words: str) -> Any:
    """Constrain a text to a pattern, which editors and diagnostics tell in words."""
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": words})


Name = Annotated[
    str,
    pattern_string(
        r"^[A-Za-z][A-Za-z0-9-]*$",
        "letters, digits and hyphens, starting with a letter, as in CloudFormation stack names",
    ),
    Field(max_length=64),
]
AccountNumber = Annotated[str, pattern_string(r"^[0-9]{12}$", "the twelve digits of an AWS account")]
RegionName = Annotated[
    str, pattern_string(r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$", "the name of an AWS Region, such as us-east-1")
]
InstanceTypeName = Annotated[
    str,
    pattern_string(r"^[a-z0-9-]+\.[a-z0-9-]+$", "an EC2 instance type: a family, a dot and a size, such as g5.xlarge"),
]
AmiId = Annotated[
    str,
    pattern_string(r"^ami-([0-9a-f]{8}|[0-9a-f]{17})$", "the ID of an AMI: ami- and 8 or 17 digits and letters a to f"),
]
ParameterName = Annotated[
    str,
    pattern_string(
        r"^(/[A-Za-z0-9_.-]+)+(:[1-9][0-9]*)?$",
        "the path of an SSM parameter, such as /our-images/ecs/image_id, with or without :<version>",
    ),
    Field(max_length=1011),
]
BucketName = Annotated[
    str,
    pattern_string(
        r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "the name of an S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens, without `s3://`",
    ),
]
HttpUrl = Annotated[str, pattern_string(r"^https?://[^\s/]+\S*$", "a URL that starts with http:// or https://")]
HttpsUrl = Annotated[str, pattern_string(r"^https://[^\s/]+\S*$", "a URL that starts with https://")]
DomainName = Annotated[
    str,
    pattern_string(
        r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$",
        "a domain name such as lisa.example.com, without https:// and path",
    ),
]
HostName = Annotated[
    str,
    pattern_string(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", "the name of a host, without port"),
    Field(max_length=253),
]
AbsolutePath = Annotated[str, pattern_string(r"^/[^\s:]*$", "an absolute path, without spaces and colons")]
ZoneName = Annotated[
    str,
    pattern_string(r"^[a-z]{2,}(-[a-z]+)+-[0-9]+[a-z]$", "the name of an Availability Zone, such as us-east-1a"),
]
VpcId = Annotated[
    str, pattern_string(r"^vpc-[0-9a-f]{8,17}$", "the ID of a VPC: vpc- and 8 to 17 digits and letters a to f")
]
SubnetId = Annotated[
    str, pattern_string(r"^subnet-[0-9a-f]{8,17}$", "the ID of a subnet: subnet- and 8 to 17 digits and letters a to f")
]
RouteTableId = Annotated[
    str, pattern_string(r"^rtb-[0-9a-f]{8,17}$", "the ID of a route table: rtb- and 8 to 17 digits and letters a to f")
]
EndpointService = Annotated[
    str,
    pattern_string(
        r"^[a-z0-9-]+(\.[a-z0-9-]+)*$",
        "a service as its VPC endpoint names it, such as ecr.api or com.amazonaws.us-east-1.ecr.api",
    ),
]
CidrBlock = Annotated[
    str, pattern_string(r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$", "an IPv4 address range such as 10.0.0.0/22")
]
HostedZoneId = Annotated[
    str, pattern_string(r"^Z[A-Z0-9]{1,31}$", "the ID of a Route 53 hosted zone, which starts with Z")
]
CertificateArn = Annotated[
    str,
    pattern_string(
        r"^arn:aws[a-z-]*:(iam::[0-9]{12}:server-certificate|acm:[a-z0-9-]+:[0-9]{12}:certificate)/\S+$",
        "the ARN of an IAM server certificate or of an ACM certificate",
    ),
]
EgressAddress = Annotated[
    str,
    pattern_string(
        r"^(([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}|pl-[0-9a-f]{8,17})$",
        "an IPv4 address range such as 203.0.113.0/24, or the ID of a prefix list: pl-…",
    ),
]
Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
WebAclArn = Annotated[
    str,
    pattern_string(
        r"^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:[0-9]{12}:(regional|global)/webacl/[A-Za-z0-9_-]{1,128}/[0-9a-f-]{36}$",
        "the ARN of a web ACL of AWS WAF: arn:aws:wafv2:<region>:<account>:regional/webacl/<name>/<id>",
    ),
]
TopicArn = Annotated[
    str,
    pattern_string(
        r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
        "the ARN of a standard SNS topic: arn:aws:sns:<region>:<account>:<name>",
    ),
]
KmsKeyArn = Annotated[
    str,
    pattern_string(
        r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
        "the ARN of a KMS key, not of an alias: arn:aws:kms:<region>:<account>:key/<id>",
    ),
]
EcrRepositoryArn = Annotated[
    str,
    pattern_string(
        r"^arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9][a-z0-9._/-]*$",
        "the ARN of an ECR repository: arn:aws:ecr:<region>:<account>:repository/<name>",
    ),
]
ImageReference = Annotated[
    str,
    pattern_string(IMAGE_PATTERN, "an image reference as for `docker pull`, such as python:3.11"),
    Field(max_length=512),
]
Color = Annotated[
    str,
    pattern_string(
        r"^(#[0-9A-Fa-f]{3,8}|[A-Za-z]+|(rgb|hsl)a?\([0-9.,%/ a-z]+\))$",
        "a CSS color such as #007a33, rgb(0, 122, 51) or white",
    ),
]
IamNamePart = Annotated[
    str, pattern_string(r"^[A-Za-z0-9+=,.@_-]*$", "letters, digits and + = , . @ _ -"), Field(max_length=64)
]
PolicyReference = Annotated[
    str,
    pattern_string(
        r"^(arn:aws[a-z-]*:[a-z]+:[^:]*:([0-9]{12}|aws):[a-z-]+/|/)?([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+$",
        "the name of a managed policy, its path and name such as /team/Boundary, or its ARN",
    ),
    Field(max_length=700),
]
IamPath = Annotated[
    str,
    pattern_string(r"^/([!-.0-~]+/)*$", "an IAM path, which starts and ends with a slash, such as /team/"),
    Field(max_length=512),
]
ModelName = Annotated[
    str,
    pattern_string(r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", "letters, digits, dots, hyphens, underscores and slashes"),
    Field(max_length=256),
]
ScheduleTime = Annotated[
    str,
    pattern_string(
        r"^(([01][0-9]|2[0-3]):[0-5][0-9]|[^\s]+( +[^\s]+)+)$",
        "a time from 00:00 to 23:59 in quotes, or a cron expression of five fields",
    ),
    Field(max_length=255),
]
EnvironmentVariables = dict[str, str]
