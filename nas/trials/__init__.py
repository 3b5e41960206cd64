"""What is trained next, and what the trials of a study stand for."""

from nas.trials.attributes import TrialAttributes
from nas.trials.finalists import Finalists, choose_finalists, final_config, searched
from nas.trials.plan import Plan
from nas.trials.proposal import Proposal
from nas.trials.proposer import Proposer, WarmStart
from nas.trials.runs import count_lost_worker, fail_trial, measured_architectures
from nas.trials.source import TrialSource, link_retries
from nas.trials.states import INTERRUPTED, STATES, state_of

__all__ = [
    "INTERRUPTED",
    "STATES",
    "Finalists",
    "Plan",
    "Proposal",
    "Proposer",
    "TrialAttributes",
    "TrialSource",
    "WarmStart",
    "choose_finalists",
    "count_lost_worker",
    "fail_trial",
    "final_config",
    "link_retries",
    "measured_architectures",
    "searched",
    "state_of",
]
