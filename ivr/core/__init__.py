"""The menu engine without telephony: what a menu is, what is said, what a key does."""
