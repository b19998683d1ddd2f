"""`make demo`: the whole system with people in it, so that one can watch it at work.

Start at `__main__`. Who does what and when is decided by a seed in `script`; `citizens` and
`operators` do it with real SIP phones (tests/sip); `ledger` compares calls placed with records.
"""
