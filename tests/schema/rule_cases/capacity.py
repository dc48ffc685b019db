"""Cases of the rules of sizes, health checks and tags."""

from __future__ import annotations

from .changes import CHECK, ENVIRONMENT, Failing, Passing

METRIC = "restApiConfig.autoScalingConfig.metricConfig"
MODEL_METRIC = "ecsModels[0].autoScalingConfig.metricConfig"

PASSING: Passing = {
    "capacity-order": [["restApiConfig.autoScalingConfig.minCapacity=2"]],
    "target-check-timeout": [[f"{CHECK}.timeout=29"]],
    "container-check-command": [
        [f"restApiConfig.containerConfig.healthCheckConfig.command=[{words}]"]
        for words in ("CMD, 'true'", "CMD, curl, --fail, 'localhost:8080'", "CMD-SHELL, exit 0")
    ],
    "metric-duration": [[f"{METRIC}.duration=60"], []],
    "alb-metric-known": [[f"{METRIC}.AlbMetricName=TargetResponseTime", f"{METRIC}.targetValue=2"], []],
    "scaling-metric": [[f"{MODEL_METRIC}={{AlbMetricName: null, gatewayMetric: RequestsInFlight}}"], []],
    "environment-variable-name": [[f"{ENVIRONMENT}.LOG_LEVEL=DEBUG"]],
    "tag-keys": [["tags=[{Key: a, Value: b}, {Key: 'Kosten-Stelle: Ü', Value: 'a b_.:/=+-@é'}]"], []],
    "deployment-prefix-free": [["deploymentPrefix=/lisa/dev"], [f"deploymentPrefix={'/a' * 12}"], []],
}

FAILING: Failing = {
    "capacity-order": [
        (["restApiConfig.autoScalingConfig.minCapacity=3"], "restApiConfig.autoScalingConfig.minCapacity")
    ],
    "target-check-timeout": [([f"{CHECK}.timeout=30"], f"{CHECK}.timeout")],
    "container-check-command": [
        (
            ["restApiConfig.containerConfig.healthCheckConfig.command=[curl, /]"],
            "restApiConfig.containerConfig.healthCheckConfig.command",
        )
    ],
    "metric-duration": [([f"{METRIC}.duration={each}"], f"{METRIC}.duration") for each in (10, 30, 59, 61, 90)],
    "alb-metric-known": [
        ([f"{METRIC}.AlbMetricName=RequestsPerTarget"], f"{METRIC}.AlbMetricName"),
        ([f"{METRIC}.AlbMetricName=HealthyHostCount"], f"{METRIC}.AlbMetricName"),
        ([f"{METRIC}.AlbMetricName=HTTPCode_Target_5XX_Count"], f"{METRIC}.AlbMetricName"),
        ([f"{METRIC}.AlbMetricName=TargetResponseTime", f"{METRIC}.targetValue=500"], f"{METRIC}.targetValue"),
    ],
    "scaling-metric": [
        ([f"{METRIC}.AlbMetricName=null"], METRIC),
        ([f"{MODEL_METRIC}.gatewayMetric=RequestsInFlight"], f"{MODEL_METRIC}.gatewayMetric"),
        ([f"{METRIC}={{AlbMetricName: null, gatewayMetric: RequestsInFlight}}"], f"{METRIC}.gatewayMetric"),
    ],
    "environment-variable-name": [([f"{ENVIRONMENT}={{'a b': c}}"], f"{ENVIRONMENT}[a b]")],
    "tag-keys": [
        (["tags=[{Key: a, Value: b}, {Key: a, Value: c}]"], "tags[1].Key"),
        (["tags=[{Key: 'aws:x', Value: b}]"], "tags[0].Key"),
        (["tags=[{Key: 'cost center!', Value: b}]"], "tags[0].Key"),
        (["tags=[{Key: a, Value: 'R&D; x'}]"], "tags[0].Value"),
        ([f"tags=[{', '.join(f'{{Key: k{n}, Value: v}}' for n in range(41))}]"], "tags"),
    ],
    "deployment-prefix-free": [
        (["deploymentPrefix=/aws/lisa"], "deploymentPrefix"),
        ([f"deploymentPrefix={'/a' * 13}"], "deploymentPrefix"),
    ],
}
