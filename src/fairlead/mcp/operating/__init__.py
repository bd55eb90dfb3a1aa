"""Servers as processes: taking them up and exchanging them, several workers on one port, and what operators see."""
