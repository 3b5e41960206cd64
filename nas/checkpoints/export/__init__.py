"""Export of a student of a study: which one, and what is noted in its file."""

from nas.checkpoints.export.choice import better_seed, choose
from nas.checkpoints.export.student import Exported, export_student
from nas.checkpoints.export.trial import trial_checkpoint

__all__ = ["Exported", "better_seed", "choose", "export_student", "trial_checkpoint"]
