"""Real processes for the end-to-end tests: the gateway, Redis, upstreams, clients, load."""
