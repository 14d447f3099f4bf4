"""The second opinion: onehop as protocol-spec.md says it, in Python.

Nothing here is translated from the Rust crates, and nothing is shared with them: where the two
disagree, one of them or the specification is wrong. Section numbers are those of the specification.
"""
