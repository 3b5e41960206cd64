"""What a person sees on stderr during long work."""

from nas.progress.bars import progress_bars, waiting
from nas.progress.clock import duration, say
from nas.progress.fitting import Parts, joined
from nas.progress.forecast import Forecast
from nas.progress.running import MEASURING, TRAINING, Running
from nas.progress.teacher import TRAINING_LOG_SECONDS, TeacherProgress
from nas.progress.terminal import VisibleConsole

__all__ = [
    "MEASURING",
    "TRAINING",
    "TRAINING_LOG_SECONDS",
    "Forecast",
    "Parts",
    "Running",
    "TeacherProgress",
    "VisibleConsole",
    "duration",
    "joined",
    "progress_bars",
    "say",
    "waiting",
]
