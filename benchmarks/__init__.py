"""Benchmarks of the compiler: whole processes, timed beside a bare CDK app that makes the same resources.

projects  fresh copies of the example, edited or grown to any number of models
peer      the bare app, written from the templates that the compiler made
process   run a command; its time and the memory of it and its children
scenarios what is measured
report    terminal, Markdown, JSON
"""
