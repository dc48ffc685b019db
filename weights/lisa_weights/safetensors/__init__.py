"""The safetensors format: headers, layout, shards, and writing."""
