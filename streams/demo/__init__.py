"""The demo: a made-up feed that looks like a real one, a broker and a worker to take it, and a count of what came out."""
