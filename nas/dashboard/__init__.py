"""A study in Optuna Dashboard: the server, the plot and the note that it shows."""

from nas.dashboard.publisher import Publisher, serve

__all__ = ["Publisher", "serve"]
