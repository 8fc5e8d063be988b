"""Rules about the diagnosis and whether the injection was needed."""
