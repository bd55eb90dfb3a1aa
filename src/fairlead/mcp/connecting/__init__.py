"""How clients are told of a server."""
