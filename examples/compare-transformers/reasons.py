def reason(*a): return None
