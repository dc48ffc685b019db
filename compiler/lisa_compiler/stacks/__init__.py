"""CloudFormation stacks, one module each: what they wire together. Importing one starts Node.js."""
