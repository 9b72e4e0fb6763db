"""Endpoint configs: what a deployment really changed. Without a list of their own."""
