"""CloudFormation stacks, one module each: what they wire together. Importing one starts Node.js."""

from lisa_compiler.emit.cloudformation import runtime

runtime.start()
