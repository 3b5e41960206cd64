"""What a Fréchet distance is called."""

from __future__ import annotations

import pytest

from distill.evaluation import EXTRACTORS, distance_name


def test_only_in_inceptions_features_is_it_an_fid() -> None:
    assert distance_name("inception") == "FID"


@pytest.mark.parametrize("extractor", sorted(set(EXTRACTORS) - {"inception"}))
def test_in_others_it_names_them(extractor: str) -> None:
    assert distance_name(extractor) == f"FD ({extractor})"


def test_a_users_network_is_named_by_its_file_alone() -> None:
    assert distance_name("/home/someone/networks/birds.pt") == "FD (birds.pt)"


def test_without_an_extractor_nothing_is_claimed() -> None:
    assert distance_name("") == "FD"
