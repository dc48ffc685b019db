"""The sign-outs function: the address that the identity provider tells of sign-outs (back-channel logout)."""
