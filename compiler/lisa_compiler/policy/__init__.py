"""`lisa policy`: what cfn-lint, cdk-nag and LISA's own rules say about the templates, less what is waived."""
