"""Studies in Optuna Dashboard: the server, and the plots and the summary that it shows."""

from nas.dashboard.board import Board
from nas.dashboard.guard import VARIABLE
from nas.dashboard.server import serve

__all__ = ["VARIABLE", "Board", "serve"]
