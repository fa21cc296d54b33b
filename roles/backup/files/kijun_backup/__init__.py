"""What runs on a host that is backed up. Standard library only, Python 3.9 and newer."""
