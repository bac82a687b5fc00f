"""How the bundled models are trained, one algorithm a file."""
