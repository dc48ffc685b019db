"""What a server reads of a model: the closure of its index, its modules, its tokenizer, its templates and its code."""
