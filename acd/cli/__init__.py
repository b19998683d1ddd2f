"""The commands of `acd`, one module per group; heavy modules are imported when a command runs."""
