"""Command line: thin commands over the library."""
