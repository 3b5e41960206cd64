"""One search from beginning to end: a request is prepared, then its study is run or resumed."""

from nas.driver.facts import record_facts, record_run
from nas.driver.preparation import prepare
from nas.driver.preview import introduction, judge_warnings, preview_search
from nas.driver.search import run_search

__all__ = [
    "introduction",
    "judge_warnings",
    "prepare",
    "preview_search",
    "record_facts",
    "record_run",
    "run_search",
]
