"""The compiler of LISA: one declarative configuration in, everything that an AWS account needs out.

The stages, each a module or package of its own, each a function from frozen data to frozen data:

    load      config.yaml, environments/<env>.yaml and options become one document whose values know where they stand
    validate  the document becomes a Config, or diagnostics that say all that is wrong (package lisa_schema)
    plan      the Config becomes a Deployment: names, stacks, services, images, layers, addresses
    emit      the Deployment becomes {path: bytes}, one emitter for each kind of output
    write     the files take the place of generated/<env>, as a whole or not at all

`pipeline` runs them; `cli` is what people call.
"""
