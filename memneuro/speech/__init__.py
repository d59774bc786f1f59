"""Spoken digits for networks of memristor neurons."""
