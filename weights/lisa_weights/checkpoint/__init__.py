"""PyTorch checkpoints, read without executing anything in them."""
