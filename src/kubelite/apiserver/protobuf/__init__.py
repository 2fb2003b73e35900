"""Request bodies in Kubernetes' protobuf form, as kubectl from 1.32 on sends them for its typed commands.

`decode.document` turns such a body into the plain values that JSON would have given; `fields` has the field numbers. Answers are
JSON: every client that sends protobuf accepts that too.
"""
