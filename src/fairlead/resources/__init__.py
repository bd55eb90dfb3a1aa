"""Any Kubernetes object, as people and agents ask for it: by sloppy kind names, in tables, cleaned, explained.

It returns values; what is printed and how is decided by whoever calls.
"""
