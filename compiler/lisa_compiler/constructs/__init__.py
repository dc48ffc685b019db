"""CDK constructs that stacks are wired from. Importing one starts Node.js."""
