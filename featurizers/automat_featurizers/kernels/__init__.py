"""Compiled loops over packed arrays.

Importing a kernel loads numba, so features import theirs when they compute. Compiled code is kept on disk
beside the source (or in numba's user cache where that cannot be written).
"""
