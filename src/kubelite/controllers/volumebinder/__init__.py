"""Binds claims to volumes and keeps the phases of both."""
