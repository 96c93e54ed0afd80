"""Past memory and past one machine: rows on disk and on other machines, fed to the same training loop."""
