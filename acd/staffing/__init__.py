"""How many operators a load of calls needs, by exact formulas."""
