"""``python -m drumlane``."""

from drumlane.cli.app import main

main()
