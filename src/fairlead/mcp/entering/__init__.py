"""Who gets in: hosts, tokens and floods, decided before anything of a server is asked."""
