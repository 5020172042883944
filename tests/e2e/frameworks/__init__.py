"""Agents of several frameworks with models that say what they are told to: programs that test_frameworks starts.

Each asks to refund 1500 for an order, and prints what it refunded as JSON.
"""
