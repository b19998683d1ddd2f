"""The router: who takes which caller, and why. No clock, no I/O, no randomness in here."""
