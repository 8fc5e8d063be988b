"""Redrive: dead letters back to the topic they came from, each once."""
