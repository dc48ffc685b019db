"""Who may use which models, and how much: `accessConfig`, enforced.

document    the compiled access document: what the callers of each group may use
admission   one request: its model, its limits, and what it used in the end
limiter     limits that all workers and instances share
leases      the units of a counter that a worker may use without asking
permits     the requests in flight of a counter
counters    the counters' table in DynamoDB
windows     the minute, day and month that a counter counts in
refusals    the errors, and the `x-ratelimit-*` headers
usage       usage by user, group and model a day
estimate    tokens of an answer that does not report them
lists       lists of models as a caller may see them
permitted_models  the header with which LiteLLM's side checks the model that it has found
"""
