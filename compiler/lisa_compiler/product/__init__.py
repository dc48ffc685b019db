"""Product code: the gateway, the functions, the layers and the web application, which generated/ names by digest.

artifact     what manifest.json holds of one: its name, its digest, and what else it is made from
recipes      which artifacts a deployment needs, and what each is made with
imports      which modules and data files a Lambda function imports
sources      the files that an artifact is made from, read from LISA or from the project
"""
