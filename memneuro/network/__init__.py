"""Synapses, learning and networks of memristor neurons."""
