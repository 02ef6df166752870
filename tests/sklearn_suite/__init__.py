"""scikit-learn's own tests of its searches, run against ours."""
