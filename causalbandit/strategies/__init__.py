"""Strategies that look for the best intervention."""
