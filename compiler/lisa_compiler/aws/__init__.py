"""AWS services, through boto3, which is imported with the first request: other commands do not need it."""
