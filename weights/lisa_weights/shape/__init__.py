"""The shape of a model: what decides how much memory it needs on a GPU."""
