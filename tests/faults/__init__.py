"""`make faults`: lets one thing after another go wrong in a running centre and measures it."""
