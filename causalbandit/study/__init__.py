"""A campaign that lives for weeks: one file that plans, hands out, takes back and never loses an experiment."""
