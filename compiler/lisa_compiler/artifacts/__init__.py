"""Artifacts of compiled output: the images, archives and layers that it names, built, published and vendored."""
