"""`lisa init`: a repository for someone's own configuration, with the workflows that check and deploy it."""
