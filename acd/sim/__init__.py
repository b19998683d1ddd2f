"""The centre under a simulated clock: the live router, and calls made up or recorded."""
