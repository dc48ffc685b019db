"""Deployment: from a reviewed and compiled environment to its stacks in an AWS account.

    preflight        an account's quotas, capacity, network and names, compared with what the environment requires
    plan             deployed and compiled stacks: the action for each
    template_diff    the differences of two templates
    cdk              the `cdk` CLI, which deploys and destroys
    drift            the deployment compared with the compiled output, in the terms of the configuration

Every step may be interrupted and run again: artifacts are published atomically, and CloudFormation finishes what it has
begun.
"""
