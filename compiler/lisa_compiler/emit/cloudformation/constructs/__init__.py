"""CDK constructs that stacks are wired from."""
