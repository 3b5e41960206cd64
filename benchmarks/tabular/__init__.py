"""A small search space of which every architecture was distilled: strategies are replayed on its results."""
