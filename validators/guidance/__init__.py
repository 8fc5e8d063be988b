"""Rules about imaging guidance and contrast."""
