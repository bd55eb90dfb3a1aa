"""The command line: one module per command group, and nothing but reading flags, calling a package, printing values.

It alone imports the command-line and terminal libraries, and it alone reads flags, environment and files into the
frozen settings that the packages take.
"""
