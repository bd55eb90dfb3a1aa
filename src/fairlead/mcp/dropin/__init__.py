"""A `config.toml` that was written for kubernetes-mcp-server, served by Fairlead.

`reading.load` makes one server of it and says what there is to listen on; `naming` gives that server's tools the
parameter names of the other product; `reloading` takes up a changed file without loosening what a flag tightened.
"""
