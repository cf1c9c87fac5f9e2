"""`python -m lampkeep_standalone` is the `lampkeep` command."""

from lampkeep_standalone.main import main

main()
