"""From any table to a trained network that predicts from tables: what chainrule train does."""
