"""Files into `claims.received`: what stands in them, sent once, and gone on with after an interruption."""
