"""Rules about the drugs of an injection."""
