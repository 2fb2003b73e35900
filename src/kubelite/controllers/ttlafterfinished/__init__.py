"""Deletes finished Jobs when their time has run out."""
