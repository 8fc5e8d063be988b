"""Whether a claim is right: rules, their dated parameters and reference data, and the engine that applies them."""
