"""`lisa bundle`: one file with everything that a network without internet needs and does not have already."""
