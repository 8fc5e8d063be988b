"""The demo: a made-up feed that looks like a real one, a worker that takes it, and an account of what came out."""
