"""Deployment: what compiled output needs in an AWS account, and bringing it there.

    assembly     generated/<env>/cloudformation → stacks and artifacts, as frozen data
    building     artifact → zip file, the same bytes on every machine
    images       artifact → container image, with Docker or buildah
    account      credentials, roles of the bootstrap, and the errors of AWS in words
    publishing   what the account lacks → built and put there
    cloudformation   stacks as they are in the account
    comparing    two templates → what differs
    planning     deployed stacks beside compiled ones → what becomes of each
    drift        what is deployed beside what is compiled, in the terms of the configuration
    cdk          the `cdk` CLI, which deploys and destroys

Every step may be interrupted and run again: an artifact is there whole or not at all, and CloudFormation finishes what
it has begun. boto3 is imported when AWS is asked first, so that the other commands do without it.
"""
