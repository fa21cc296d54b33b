"""Reading hosts: declared reads become one script, run once per host, and come back as a `HostState`."""
