"""The Lambda functions behind API Gateway, and those that CloudFormation calls; they run on Python 3.8 and later."""
