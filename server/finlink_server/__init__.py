"""Finlink Config: the service that owns an app's whole API configuration."""
