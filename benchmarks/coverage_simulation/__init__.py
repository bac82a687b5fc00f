"""Whether metrics' intervals contain the truth: distributions with known values, cases, results and their table."""
