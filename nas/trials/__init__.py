"""What is trained next, and what the trials of a study stand for."""

from nas.trials.finalists import Finalists, choose_finalists, final_config, searched
from nas.trials.proposer import Proposer, WarmStart
from nas.trials.runs import is_run, measured_architectures
from nas.trials.source import Proposal, TrialSource, link_second_tries

__all__ = [
    "Finalists",
    "Given",
    "Proposal",
    "Proposer",
    "TrialSource",
    "WarmStart",
    "choose_finalists",
    "final_config",
    "is_run",
    "link_second_tries",
    "measured_architectures",
    "searched",
]
