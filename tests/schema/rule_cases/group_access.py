"""Cases of the rules of `accessConfig`."""

from __future__ import annotations

from .adapters import ONE, VLLM
from .changes import RAG, Failing, Passing, external_model, listed

READABLE = "authConfig.jwtGroupsProperty=groups"


def group(entry: str, name: str = "science", more: str = "") -> list[str]:
    return [READABLE, f"accessConfig={{groups: {{{name}: {{{entry}}}}}{more}}}"]


CLOSED = ", default: closed"
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
STORE = f", auditContentStore: {{keyArn: '{KEY}'}}"

PASSING: Passing = {
    "access-models-known": [
        [],
        group("models: ['*']"),
        group("models: [mistral7b]"),
        [*VLLM, ONE, *group("models: [support]")],
        [*group("models: [mistral7b]"), "ecsModels[mistral7b].deploy=false"],
        [listed(), *group("models: [listed]")],
        [
            external_model("openai/gpt").replace("model_name: far", "model_name: 'openai/*'"),
            *group("models: [openai/x]"),
        ],
        ["litellmConfig.router_settings={model_group_alias: {fast: mistral7b}}", *group("models: [fast]")],
    ],
    "access-repositories-known": [[], group("repositories: ['*']"), [*RAG, *group("repositories: [docs]")]],
    "access-without-models": [
        [],
        group("repositories: ['*']"),
        group("models: ['*']", more=CLOSED),
        ["accessConfig={default: closed, everyone: {models: ['*']}}"],
        ["accessConfig={default: open}"],
    ],
    "access-budgets-ordered": [
        [],
        group("perCaller: {dailyTokens: 5, monthlyTokens: 5}"),
        group("perCaller: {dailyTokens: 5}, perGroup: {monthlyTokens: 1}"),
    ],
    "access-groups-readable": [[], group(""), ["accessConfig={everyone: {}}"]],
    "audit-content-has-key": [
        [],
        group("auditContent: false"),
        group("auditContent: true", more=STORE),
        [f"accessConfig={{everyone: {{auditContent: true}}{STORE}}}"],
    ],
    "audit-content-required-alone": [
        [],
        group("auditContentRequired: false"),
        group("auditContent: true, auditContentRequired: true", more=STORE),
    ],
    "audit-content-unused": [
        [],
        group("auditContent: true", more=STORE),
        [f"accessConfig={{everyone: {{auditContent: true}}{STORE}}}"],
    ],
}

FAILING: Failing = {
    "access-models-known": [
        (group("models: [mistral7]"), "accessConfig.groups.science.models[0]"),
        (group("models: ['*', 'openai/x']"), "accessConfig.groups.science.models[1]"),
        (["accessConfig={everyone: {models: [gpt]}}"], "accessConfig.everyone.models[0]"),
    ],
    "access-repositories-known": [
        (group("repositories: [docs]"), "accessConfig.groups.science.repositories[0]"),
        ([*RAG, "accessConfig={everyone: {repositories: [doc]}}"], "accessConfig.everyone.repositories[0]"),
    ],
    "access-without-models": [
        (group("models: []"), "accessConfig.groups.science.models"),
        (group("repositories: ['*']", more=CLOSED), "accessConfig.groups.science.models"),
        (["accessConfig={default: closed, everyone: {}}"], "accessConfig.everyone.models"),
        (["accessConfig={default: closed}"], "accessConfig.default"),
    ],
    "access-budgets-ordered": [
        (
            group("perCaller: {dailyTokens: 5, monthlyTokens: 4}"),
            "accessConfig.groups.science.perCaller.monthlyTokens",
        ),
        (
            ["accessConfig={everyone: {perGroup: {dailyTokens: 5, monthlyTokens: 4}}}"],
            "accessConfig.everyone.perGroup.monthlyTokens",
        ),
    ],
    "access-groups-readable": [
        (["accessConfig={groups: {science: {}}}"], "accessConfig.groups"),
        (
            [
                "authConfig=",
                "accessConfig={groups: {science: {}}}",
                "deployChat=false",
                "deployUi=false",
                "restApiConfig.internetFacing=false",
            ],
            "accessConfig.groups",
        ),
    ],
    "audit-content-has-key": [
        (group("auditContent: true"), "accessConfig.groups.science.auditContent"),
        (["accessConfig={everyone: {auditContent: true}}"], "accessConfig.everyone.auditContent"),
    ],
    "audit-content-required-alone": [
        (group("auditContentRequired: true", more=STORE), "accessConfig.groups.science.auditContentRequired"),
    ],
    "audit-content-unused": [(group("models: ['*']", more=STORE), "accessConfig.auditContentStore")],
}
