"""The CloudFormation emitter: the stacks, the constructs that they are made of, and the runtime of the AWS CDK."""
