"""The gateway's live configuration: the routes and LiteLLM's file, which change while requests are served.

`source` reads them where they were published, `state` carries them from the supervisor to the workers, `follower`
adopts them in a worker, and `exposition` reports both to Prometheus. See docs/decisions/0059-live-configuration.md.
"""
