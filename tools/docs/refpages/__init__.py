"""The reference pages, made from the code: nothing in them is written twice. Not part of the shipped package."""
