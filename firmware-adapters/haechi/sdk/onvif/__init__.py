"""ONVIF, as far as cameras and adapters need it: SOAP 1.2 messages with a WS-Security user name.
``soap``  requests out of bodies, answers into elements; no I/O
``line``  a connection to one camera
"""
