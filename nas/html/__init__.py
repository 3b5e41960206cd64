"""A study as one HTML file that needs nothing else."""

from nas.html.page import page_of, write_page

__all__ = ["page_of", "write_page"]
