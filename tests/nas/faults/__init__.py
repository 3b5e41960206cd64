"""Faults at every operation of a search, kills, outages and split brain; the invariants that must hold."""
