"""Pieces of HTML and SVG for pages and notebooks: plain data in, escaped text out; no scripts."""
