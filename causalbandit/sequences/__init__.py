"""Confidence sequences: bounds that hold at any time."""
