"""The request authorizer of API Gateway: who calls, and what they may call."""
