"""Trace: the way of one claim through the topics."""
