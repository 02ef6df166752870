"""Tests of the optimizers, and the contract that all of them keep."""
