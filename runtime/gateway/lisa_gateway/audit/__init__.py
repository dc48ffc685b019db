"""The audit log: a line for each request, kept on disk until CloudWatch Logs has it.

Workers append records to files (`spool`); a process of its own delivers them (`delivery`). See docs/decisions/0062.
Of requests in groups with `auditContent`, the content is recorded too, encrypted (`content`). See docs/decisions/0069.
"""
