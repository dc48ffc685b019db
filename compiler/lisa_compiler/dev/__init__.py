"""`lisa dev`: the whole system on one machine, made of what is compiled and of local parts in AWS's place.

processes     programs: started in order, watched, their logs told by name, and ended with all their children
guard         ends what is left when `lisa dev` itself is killed
packages      which Python has what a part needs, or how to get it
local_aws     MiniStack, and clients of it
stacks        compiled stacks, deployed to it
hosts         instances that it does not have: services follow the capacity of their group
database      PostgreSQL with pgvector
identity      an OpenID provider with two users
models        a small text model and a small embedding model
proxy         LiteLLM with the compiled configuration, whose models are the local ones
gateway       LISA's gateway
web           the chat application and the API behind one address
system        all of them together
servers/      programs that parts run, each with a Python that has what it imports
"""
