"""boardlift: monday.com boards as typed SQL tables, staged, checked, swapped in atomically, rolled back at once."""

__version__ = "0.1.0"
