"""Verification of a deployment: whether what CloudFormation reports as deployed serves requests.

    check       one thing that was looked at: its outcome, what was found and the fix
    stacks      deployed and at rest
    services    instances in service and joined, tasks running, targets healthy
    endpoint    the gateway's public address: TLS, health, one completion and one embedding for each hosted model
    verify      all of them, repeated until they pass or the time is over

Checks only read. A failed check is a result; an exception means that a check could not be made.
"""
