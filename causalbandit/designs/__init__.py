"""What a live experiment does: designs, policies and the running inference that they keep."""
