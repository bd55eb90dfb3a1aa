"""Leads app clusters and AI agents to Kubernetes control planes."""

__version__ = "0.1.0"
