"""Untrusted files: read without running their code; and files that are written whole."""

from search_spaces.reading.networks import Network, choose, find_networks, module_tensors
from search_spaces.reading.plain import PickledObject
from search_spaces.reading.text import parse_json, read_text
from search_spaces.reading.untrusted import read_untrusted
from search_spaces.reading.weights import with_weights
from search_spaces.reading.whole_files import check_writable, sync_folder, written_whole

__all__ = [
    "Network",
    "PickledObject",
    "check_writable",
    "choose",
    "find_networks",
    "module_tensors",
    "parse_json",
    "read_text",
    "read_untrusted",
    "sync_folder",
    "with_weights",
    "written_whole",
]
