"""What a domain declares about its data: schemas, labels, and how files become a dataset."""
