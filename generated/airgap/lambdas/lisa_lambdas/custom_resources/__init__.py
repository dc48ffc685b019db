"""Functions that CloudFormation calls. Each module is written into a template whole, so it imports nothing of LISA."""
