"""CloudFormation stacks, one module each: what they wire together. Importing one starts Node.js."""

from lisa_compiler import cdk_runtime

cdk_runtime.start()
