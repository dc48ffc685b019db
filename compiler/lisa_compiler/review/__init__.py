"""Review: what a change of the committed output does to the system, and where a generated value comes from.

Everything is read from files and git. Nothing here starts Node.js or opens a network connection, so that a question
about an environment is answered in a tenth of the time that compiling it takes.

    revisions   the output as a commit has it, or as the working tree has it
    output      one environment's output as data: stacks, resources, parameters, what it was configured with
    change      two outputs compared: what the rest of the modules find, most dangerous first
    document    the change as text, as Markdown for a pull request and as JSON
    explain     one generated value or one configuration key: what led to it, or what it leads to
"""
