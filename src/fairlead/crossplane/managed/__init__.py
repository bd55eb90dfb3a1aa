"""Managed resources, who looks after them, and which kinds of them are active."""
