"""Model weights: staging, conversion, verification and upload. The compiler reads what this package locks."""
