"""The way to the servers of hosted models, past LiteLLM. See docs/decisions/0058-direct-path.md.

path            which requests go there, and what is sent
body            the body of such a request: read once, checked, changed only where it must be
members         where the members of a JSON object are in its text
server          a model's server: connections, circuit, limit
circuit         whether a server can be reached, found out by trying
keys            the keys of model servers
answer_errors   what callers get for an error of a model's server
usage_event     the event with the token counts, which a caller that did not ask for it does not get
model_list      `GET /models` from the routes
"""
