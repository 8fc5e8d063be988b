"""`python -m streams`: the same as `claimstream`."""

from streams.cli import main

main()
