"""Fold what the members of a unit have logged: who they are, and later what they agreed and answered.

Two rules hold for everything that is folded here.  Only logged acts are read, never the cosignatures
that one node happens to hold, so that everybody folds the same state.  And what must be in time is
judged by `cutoff` acts: each names, per log, a state that a quorum cosigned.  Until the challenge
window of a cutoff closes anybody may log further ones, and an act is in time if any logged state
with a time before the cutoff's covers it; until then a result is provisional.
"""
