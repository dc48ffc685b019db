"""CDK constructs that stacks are wired from. Importing one starts Node.js, with the settings that compiling needs."""

from lisa_compiler.emit.cloudformation import runtime

runtime.start()
