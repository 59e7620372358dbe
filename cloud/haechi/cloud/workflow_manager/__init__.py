"""People and what they did: accounts with roles, signing in, and the audit.

=============  ==================================================================
``roles``      what each role may; who somebody is
``passwords``  how passwords are kept
``people``     accounts and sessions in the state
``audit``      who did what, when and why; rows are never changed nor deleted
=============  ==================================================================
"""
