"""Enlist: a self-hosted enrollment authority."""

__version__ = "0.1.0"
