"""Bytes to claims or rejections: pure, the same for the worker, `check`, `feed` and replay from files."""
