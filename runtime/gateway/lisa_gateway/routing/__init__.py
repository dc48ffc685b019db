"""Where requests for a model go: to the model's own server, or to LiteLLM.

document                the compiled routes (`routes.json`), read and checked
current                 the routes that are in force in a worker
"""
