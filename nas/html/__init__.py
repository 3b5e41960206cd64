"""A study as one HTML file that needs nothing else."""

from nas.html.page import write_page

__all__ = ["write_page"]
