"""Strategies that look for the best intervention, and the driver that runs them."""
