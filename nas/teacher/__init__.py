"""Teachers: reading and joining their files, and training one from images."""

from nas.teacher.file import describe, import_teacher
from nas.teacher.request import TeacherRequest
from nas.teacher.run import TeacherRun

__all__ = ["TeacherRequest", "TeacherRun", "describe", "import_teacher"]
