"""Where weights come from and go to: the Hugging Face Hub, and the models bucket through s5cmd."""
