"""Training data larger than memory: rows on disk or on other machines, fed to the same training loop."""
