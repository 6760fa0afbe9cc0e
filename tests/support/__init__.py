"""What scenarios are told with: a real gateway, scripted upstreams and raw clients. See tests/README.md."""
