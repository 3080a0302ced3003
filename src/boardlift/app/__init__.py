"""The composition root: what a command opens, and what it can do."""

from boardlift.app.app import App

__all__ = ["App"]
