"""Finding hand-ins in what a learning platform gives: folders, zips, and the names in them."""
