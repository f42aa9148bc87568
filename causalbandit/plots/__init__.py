"""Figures of problems, searches, regret and effects; matplotlib is imported when one is drawn."""
