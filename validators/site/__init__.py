"""Rules about the place of service and who may give or bill a service there."""
