"""The tools themselves, one package for each toolset."""
