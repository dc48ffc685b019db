"""Mutation testing with Cosmic Ray: which changes of the code no test notices.

suites.toml maps sources to the tests that belong to them; `make mutate` runs those for each mutant. Mutants are made in
copies of the checkout, so that an interrupted run leaves none behind.
"""
