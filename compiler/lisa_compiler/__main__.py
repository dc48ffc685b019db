"""`python -m lisa_compiler` is the command `lisa`."""

from lisa_compiler.cli import main

main()
