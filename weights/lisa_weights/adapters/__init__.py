"""LoRA adapters: which ones vLLM serves, and whether one fits its base model."""
