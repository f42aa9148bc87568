"""Estimates of treatment effects with intervals that stay valid when the data were collected adaptively."""
