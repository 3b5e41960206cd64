"""Studies in Optuna Dashboard: the server, and the plots and the summary that it shows."""

from nas.dashboard.board import Board, board_with
from nas.dashboard.guard import VARIABLE
from nas.dashboard.process import dashboard_process
from nas.dashboard.server import serve

__all__ = ["VARIABLE", "Board", "board_with", "dashboard_process", "serve"]
