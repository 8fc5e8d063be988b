"""The fast path of the product: 837P 005010X222 read claim by claim, leniently, without ever raising."""

from streams.intake.x12.assembler import CLAIMS_PER_RECORD_MAX, read_x12

__all__ = ["CLAIMS_PER_RECORD_MAX", "read_x12"]
