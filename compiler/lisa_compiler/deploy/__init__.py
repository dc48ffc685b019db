"""Deployment: from a reviewed and compiled environment to its stacks in an AWS account.

    preflight        an account's quotas, capacity, network and names, compared with what the environment requires
    states           every status of a stack and a change set: what it permits
    plan             deployed and compiled stacks: the action for each
    orphans          what earlier operations left in the account
    adoption         its import into a stack
    removal          deletion of stacks, also of those whose deletion failed
    recovery         rollbacks that are continued, and failed creations; which stacks are deployed together
    template_diff    the differences of two templates
    cdk              the `cdk` CLI, which deploys and destroys
    drift            the deployment compared with the compiled output, in the terms of the configuration

Every step may be interrupted and run again: artifacts are published atomically, and CloudFormation finishes what it has
begun.
"""
