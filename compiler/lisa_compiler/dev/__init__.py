"""`lisa dev`: the whole system on one machine, made of what is compiled and of local parts in AWS's place.

processes               programs: started in order, watched, logged by name, and ended with all their children
reaper                  ends the remaining processes when `lisa dev` itself is killed
packages                which Python has the packages of a process, or how to install them
local_aws               MiniStack, and clients of it
stacks                  compiled stacks, deployed to it
autoscaling_emulator    instances that it does not have: services follow the capacity of their Auto Scaling group
database                PostgreSQL with pgvector
identity                an OpenID provider with two users
models                  a small text model and a small embedding model
proxy                   LiteLLM with the compiled configuration, whose models are the local ones
gateway                 LISA's gateway
web                     the chat application and the API behind one address
system                  all of them together
servers/                programs that the processes run, each with a Python that has what it imports
"""
