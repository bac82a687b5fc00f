"""Many files: workers that may crash or hang, rows written as they come, runs that go on where they stopped."""
