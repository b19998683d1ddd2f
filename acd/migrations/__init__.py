"""The history of the tables. `acd.store` brings a database up to date whenever it opens one."""
