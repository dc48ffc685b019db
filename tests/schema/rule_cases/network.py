"""Cases of the rules of the network."""

from __future__ import annotations

from .changes import ENVIRONMENT, RAG, SECRET, Failing, Passing, listed

VPC = (
    "vpc={vpcId: vpc-0123456789abcdef0, availabilityZones: [us-east-1a, us-east-1b], cidrBlock: 10.1.0.0/16"
    ", privateSubnetIds: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]"
    ", publicSubnetIds: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]}"
)

ISOLATED_VPC = [
    VPC,
    "vpc.privateSubnetIds=[]",
    "vpc.publicSubnetIds=[]",
    "vpc.isolatedSubnetIds=[subnet-0123456789abcdef4, subnet-0123456789abcdef5]",
    "restApiConfig.internetFacing=false",
]
ENDPOINTS = (
    *("autoscaling", "cloudformation", "dynamodb", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry"),
    *("elasticloadbalancing", "logs", "s3", "ssm"),
)
BEDROCK = listed().replace("openai/x", "bedrock/amazon.titan-text-express-v1")


def existing(*services: str) -> str:
    return f"vpc.existingEndpoints=[{', '.join(services)}]"


PASSING: Passing = {
    "vpc-described": [[], ["vpcId=vpc-0123456789abcdef0", VPC]],
    "matching-vpc-id": [[VPC], ["vpcId=vpc-0123456789abcdef0", VPC]],
    "vpc-subnets": [
        [VPC],
        [VPC, "vpc.publicSubnetIds=", "restApiConfig.internetFacing=false"],
        [VPC, *RAG, "vpc.isolatedSubnetIds=[subnet-0123456789abcdef4, subnet-0123456789abcdef5]"],
        [VPC, *RAG, "ragRepositories[docs].rdsConfig={dbHost: db.internal, passwordSecretId: x}"],
        [VPC, *RAG, "deployRag=false"],
        [VPC, *RAG],
        ISOLATED_VPC,
    ],
    "endpoints-complete": [
        [VPC],
        [VPC, existing()],
        [*ISOLATED_VPC, existing(*ENDPOINTS)],
        [*ISOLATED_VPC, existing(*(f"com.amazonaws.us-east-1.{one}" for one in ENDPOINTS))],
        [*ISOLATED_VPC, existing(*ENDPOINTS, "secretsmanager"), f"{ENVIRONMENT}.K={SECRET}"],
        [*ISOLATED_VPC, existing(*ENDPOINTS, "bedrock-runtime"), BEDROCK],
        [*ISOLATED_VPC, existing("s3", "dynamodb"), "vpc.createEndpoints=true"],
        [*ISOLATED_VPC, "vpc.createEndpoints=true", "vpc.routeTableIds=[rtb-0123456789abcdef0]"],
    ],
    "vpc-zones-in-region": [[VPC]],
    "vpc-cidr": [[VPC]],
    "egress-addresses": [["egressAddresses=[203.0.113.0/24, pl-0123456789abcdef0]"]],
    "zones-valid": [[], ["availabilityZones=[us-east-1b, us-east-1d]"]],
    "nat-gateways-fit": [
        ["natGateways=2"],
        ["natGateways=1"],
        ["natGateways=3", "availabilityZones=[us-east-1a, us-east-1b, us-east-1c]"],
    ],
    "created-vpc-keys": [[VPC], ["natGateways=1"]],
}

FAILING: Failing = {
    "vpc-described": [(["vpcId=vpc-0123456789abcdef0"], "vpcId")],
    "matching-vpc-id": [(["vpcId=vpc-0123456789abcdef1", VPC], "vpcId")],
    "vpc-subnets": [
        ([VPC, "vpc.availabilityZones=[us-east-1a]"], "vpc.availabilityZones"),
        ([VPC, "vpc.privateSubnetIds=[subnet-0123456789abcdef0]"], "vpc.privateSubnetIds"),
        ([VPC, "vpc.publicSubnetIds="], "vpc.publicSubnetIds"),
        ([*ISOLATED_VPC, "vpc.isolatedSubnetIds=[]"], "vpc.privateSubnetIds"),
        ([*ISOLATED_VPC, "vpc.isolatedSubnetIds=[subnet-0123456789abcdef4]"], "vpc.isolatedSubnetIds"),
    ],
    "endpoints-complete": [
        (ISOLATED_VPC, "vpc.isolatedSubnetIds"),
        *(
            ([*ISOLATED_VPC, existing(*(one for one in ENDPOINTS if one != missing))], "vpc.existingEndpoints")
            for missing in ENDPOINTS
        ),
        ([*ISOLATED_VPC, existing(*ENDPOINTS), f"{ENVIRONMENT}.K={SECRET}"], "vpc.existingEndpoints"),
        ([*ISOLATED_VPC, existing(*ENDPOINTS), *RAG], "vpc.existingEndpoints"),
        ([*ISOLATED_VPC, existing(*ENDPOINTS), BEDROCK], "vpc.existingEndpoints"),
        ([*ISOLATED_VPC, "vpc.createEndpoints=true"], "vpc.routeTableIds"),
    ],
    "vpc-zones-in-region": [([VPC, "vpc.availabilityZones=[us-east-1a, us-west-2b]"], "vpc.availabilityZones[1]")],
    "vpc-cidr": [
        ([VPC, "vpc.cidrBlock=10.1.0.1/16"], "vpc.cidrBlock"),
        ([VPC, "vpc.cidrBlock=999.1.0.0/16"], "vpc.cidrBlock"),
        ([VPC, "vpc.secondaryCidrBlocks=[100.64.0.0/16, 10.2.0.1/16]"], "vpc.secondaryCidrBlocks[1]"),
        ([VPC, "vpc.secondaryCidrBlocks=[10.1.128.0/20]"], "vpc.secondaryCidrBlocks[0]"),
        ([VPC, "vpc.secondaryCidrBlocks=[100.64.0.0/16, 100.64.0.0/16]"], "vpc.secondaryCidrBlocks[1]"),
    ],
    "egress-addresses": [
        (["egressAddresses=[10.0.0.0/8, 203.0.113.1/24]"], "egressAddresses[1]"),
        (["egressAddresses=[999.0.0.0/8]"], "egressAddresses[0]"),
    ],
    "zones-valid": [
        (["availabilityZones=[us-east-1b]"], "availabilityZones"),
        (["availabilityZones=[us-east-1b, us-east-1b]"], "availabilityZones"),
        (["availabilityZones=[us-east-1b, us-west-2b]"], "availabilityZones[1]"),
    ],
    "nat-gateways-fit": [
        (["natGateways=3"], "natGateways"),
        (["natGateways=4", "availabilityZones=[us-east-1a, us-east-1b, us-east-1c]"], "natGateways"),
    ],
    "created-vpc-keys": [
        ([VPC, "natGateways=1"], "natGateways"),
        ([VPC, "availabilityZones=[us-east-1a, us-east-1b]"], "availabilityZones"),
    ],
}
