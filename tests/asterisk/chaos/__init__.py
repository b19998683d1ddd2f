"""What the tests of survival share: a centre with a link that can be cut, callers, reckoning."""
