"""Deployment: from a reviewed and compiled environment to its stacks in an AWS account.

    preflight    an account's quotas, capacity and network beside what the environment requires
    planning     deployed stacks beside compiled ones: what becomes of each
    comparing    two templates: what differs
    cdk          the `cdk` CLI, which deploys and destroys
    drift        what is deployed beside what is compiled, in the terms of the configuration

Every step may be interrupted and run again: artifacts are published atomically, and CloudFormation finishes what it has
begun.
"""
