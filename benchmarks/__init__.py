"""Benchmarks: whole processes, timed beside others that do the same.

projects   fresh copies of the example, edited or grown to any number of models
peer       the bare app, written from the templates that the compiler made
scenarios  what is measured of the compiler
llama      a checkpoint of 1.1 billion parameters
converters other ways to make safetensors of it
weights    what is measured of weights
process    run a command; its time and the memory of it and its children
report, weights_report  figures and targets; table shows them
"""
