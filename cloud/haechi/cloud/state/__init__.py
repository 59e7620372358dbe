"""The cloud's state: what must be true together is in one database and changes in one transaction.

Ranges, descriptions, events, conditions, situations, notifications, losses, dead letters and the change feed. Not in
here: points (the time-series store) and pictures (the object store). SQLite by default, PostgreSQL by URL.
"""
