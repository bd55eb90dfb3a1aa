"""The protocol itself, in both of its eras, over a pipe and over HTTP."""
