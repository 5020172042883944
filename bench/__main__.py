"""`python -m bench`: every benchmark, one after the other."""

from bench import ingest, normalise

if __name__ == "__main__":
    normalise.main()
    ingest.main()
