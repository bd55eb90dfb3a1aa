"""Managed resources, the kinds of them that are active, and by which credentials they are reached."""
