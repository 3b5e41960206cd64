"""What a person sees on stderr during long work, and what a program reads of it."""

from nas.progress.bars import BAR_WIDTH, bar_row, progress_bars, waiting
from nas.progress.clock import duration, say
from nas.progress.events import (
    EVENTS,
    PROGRESS_SECONDS,
    SCHEMA,
    Decision,
    Event,
    EventLog,
    Front,
    Level,
    Message,
    RunEnded,
    Rung,
    RunStarted,
    Started,
    TrialFinished,
    TrialProgress,
    TrialStarted,
    Work,
)
from nas.progress.fitting import Parts, joined
from nas.progress.forecast import Forecast
from nas.progress.live import LiveRegion
from nas.progress.run_log import LOG, RunLog
from nas.progress.running import IMAGES_PER_SECOND, KD_WEIGHT, LOSS, MEASURING, TRAINING, Running
from nas.progress.speed import Speed
from nas.progress.teacher import TRAINING_LOG_SECONDS, TeacherProgress
from nas.progress.terminal import Terminal, has_events, is_live, is_quiet, tell

__all__ = [
    "BAR_WIDTH",
    "EVENTS",
    "IMAGES_PER_SECOND",
    "KD_WEIGHT",
    "LOG",
    "LOSS",
    "MEASURING",
    "PROGRESS_SECONDS",
    "SCHEMA",
    "TRAINING",
    "TRAINING_LOG_SECONDS",
    "Decision",
    "Event",
    "EventLog",
    "Forecast",
    "Front",
    "Level",
    "LiveRegion",
    "Message",
    "Parts",
    "RunEnded",
    "RunLog",
    "RunStarted",
    "Rung",
    "Running",
    "Speed",
    "Started",
    "TeacherProgress",
    "Terminal",
    "TrialFinished",
    "TrialProgress",
    "TrialStarted",
    "Work",
    "bar_row",
    "duration",
    "has_events",
    "is_live",
    "is_quiet",
    "joined",
    "progress_bars",
    "say",
    "tell",
    "waiting",
]
