"""How a proposal travels through Ray Tune: as the one entry of a Tune trial's config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.trials import Proposal

_KEY = "proposal"


def to_tune(proposal: Proposal) -> dict[str, Any]:
    """The config of the Tune trial that trains `proposal`."""
    return {_KEY: proposal}


def from_tune(config: Mapping[str, Any]) -> Proposal:
    """The proposal that a Tune trial of this config trains."""
    proposal = config[_KEY]
    assert isinstance(proposal, Proposal)
    return proposal
