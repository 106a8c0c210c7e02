"""The baseline table: every kind of features, raw and learned by each loss, on one video."""
