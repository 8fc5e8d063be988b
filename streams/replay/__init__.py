"""Replay: a pinned window of the patient log decided again, on the worker's own path, into topics of its own."""
