"""The two agents: intake reads received records, validate decides the claims of a patient's log."""
