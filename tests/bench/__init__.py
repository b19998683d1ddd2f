"""The measurement against Asterisk's own app_queue: `make bench`, explained in docs/bench.md."""
