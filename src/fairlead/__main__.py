"""`python -m fairlead`: the command where its script is not on the path."""

from fairlead.cli.main import main

main()
