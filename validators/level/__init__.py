"""Rules about how many levels and regions one session may have."""
