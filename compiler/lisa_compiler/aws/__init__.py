"""AWS services. Its module `sdk` is the only place of the compiler that imports boto3, an extra."""
