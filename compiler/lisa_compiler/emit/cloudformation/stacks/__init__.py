"""CloudFormation stacks, one module each: what they wire together."""
