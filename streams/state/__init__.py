"""What is kept of a patient: a fold of the log, with a compacted changelog as its snapshot."""
