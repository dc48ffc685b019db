"""Whether a model fits the GPUs of an instance: weights, KV cache, parallelism, dtypes, and what the host must have.

Facts (facts, catalogue) and constants by engine version go into pure formulas (memory, kv_cache, rules); verdict judges
them with a low and a high for every quantity. Nothing here opens a connection, and nothing is guessed: what is unknown
is a verdict of its own.
"""
