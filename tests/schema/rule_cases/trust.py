"""Cases of the rules of certificates, domain names and authorities."""

from __future__ import annotations

from .changes import ISOLATED, RAG, Failing, Passing

ZONE = "restApiConfig.loadBalancerConfig.hostedZoneId=Z0123456789ABCDEFGHIJ"
MODEL_CERTIFICATE = "ecsModels[0].loadBalancerConfig.sslCertIamArn"

ISOLATED_ALONE = [change for change in ISOLATED if not change.startswith("certificateAuthorityBundle")]

PASSING: Passing = {
    "zone-needs-domain": [[], ["restApiConfig.loadBalancerConfig.domainName=api.example.com", ZONE]],
    "unique-domain-name": [
        [],
        [
            "restApiConfig.loadBalancerConfig.domainName=api.example.com",
            "ecsModels[0].loadBalancerConfig.domainName=m.example.com",
        ],
    ],
    "bundle-in-project": [[], ["certificateAuthorityBundle=certs/ca.pem"]],
    "isolated-authority": [[], ISOLATED, [*ISOLATED, "certificateAuthorityBundle=certs/ca.pem"]],
    "certificate-needs-name": [
        [],
        [*RAG, "restApiConfig.loadBalancerConfig.domainName=api.example.com"],
        [*RAG, "certificateAuthorityBundle=certs/ca.pem"],
        [f"{MODEL_CERTIFICATE}=arn:aws:acm:us-east-1:012345678901:certificate/x", "ecsModels[0].deploy=false"],
    ],
}

FAILING: Failing = {
    "zone-needs-domain": [([ZONE], "restApiConfig.loadBalancerConfig.hostedZoneId")],
    "unique-domain-name": [
        (
            [
                "restApiConfig.loadBalancerConfig.domainName=api.example.com",
                "ecsModels[0].loadBalancerConfig.domainName=API.example.com",
            ],
            "ecsModels[0].loadBalancerConfig.domainName",
        ),
        (
            [
                "restApiConfig.loadBalancerConfig.domainName=api.example.com",
                "apiGatewayConfig={domainName: api.example.com}",
            ],
            "restApiConfig.loadBalancerConfig.domainName",
        ),
    ],
    "bundle-in-project": [(["certificateAuthorityBundle=/etc/pki/ca.pem"], "certificateAuthorityBundle")],
    "isolated-authority": [(ISOLATED_ALONE, "certificateAuthorityBundle")],
    "certificate-needs-name": [
        (RAG, "restApiConfig.loadBalancerConfig.sslCertIamArn"),
        ([f"{MODEL_CERTIFICATE}=arn:aws:acm:us-east-1:012345678901:certificate/x"], MODEL_CERTIFICATE),
    ],
}
