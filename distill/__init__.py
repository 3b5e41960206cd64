"""One student, one teacher, one training, one score."""
