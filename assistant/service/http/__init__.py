"""What every request passes: identity, limits, log, bodies, errors; and the server beneath."""
