"""What the gateway costs: a model stub directly, LiteLLM directly, and each through the gateway, in one run.

`stub` and `load` are processes of their own, written on bare asyncio protocols, so that they are not what is measured.
"""
