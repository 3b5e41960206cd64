"""What all candidates of a process share, the space that they come from, and what is tried first."""

from nas.workbench.checks import check_rungs, terms_in_effect
from nas.workbench.shared_space import SharedSpace, check_shareable, searched_space, weight_sharing
from nas.workbench.warm_start import warm_start_architectures
from nas.workbench.workbench import Workbench

__all__ = [
    "SharedSpace",
    "Workbench",
    "check_rungs",
    "check_shareable",
    "searched_space",
    "terms_in_effect",
    "warm_start_architectures",
    "weight_sharing",
]
