"""What keeps a control plane going: operations, protection, pauses, and what has to be let go of."""
