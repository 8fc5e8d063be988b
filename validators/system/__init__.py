"""Rules about what kept other rules from being evaluated."""
