"""The built-in handwritten digits: their teacher and their classifier."""
