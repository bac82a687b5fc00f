"""Networks of the bundled models, apart from how they are trained."""
