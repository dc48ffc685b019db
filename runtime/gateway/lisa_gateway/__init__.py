"""The REST API container's gateway: it knows who calls, and passes requests on to the LiteLLM proxy.

A request goes through `observability` (request id, log, metrics), `admission` (size and caller) and then either
`pass_through` (`/v2/serve`) or the deprecated routes of `v1`. `upstream` is the way to LiteLLM.
"""
