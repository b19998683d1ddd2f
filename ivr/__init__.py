"""The voice menu: what a caller hears and which keys do what."""
