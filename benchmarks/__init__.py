"""Real data, a zoo of models, side-by-side measurements and the demonstration."""
