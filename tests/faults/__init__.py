"""Campaigns: what breaks in the world is broken here, and what was answered must still be true."""
