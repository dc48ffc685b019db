"""What model weights are carried in: directories, the Hub's cache, tar archives and OCI layouts."""
