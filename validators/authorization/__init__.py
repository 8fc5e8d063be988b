"""Rules about prior authorization and referral."""
