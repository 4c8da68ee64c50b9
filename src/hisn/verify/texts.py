"""Hold the English texts of a report, by code; other languages translate these.

Values stand in braces.  The texts of `NOT_PROVEN` are under every report, whatever its result.
"""

from __future__ import annotations

STEPS = {
    "container": "The file is a proof pack in its only form",
    "genesis": "The charter is the one whose genesis digest you gave",
    "roster": "Every roster was adopted by its members, and every key in it is held by its owner",
    "checkpoints": "Each log signed the state shown of it, with both algorithms, and only one of a size",
    "policy": "The policy is the one that follows from the roster",
    "witnesses": "A quorum of witnesses saw these states of the logs",
    "inclusion": "Each act stands in its log, at the place claimed",
    "acts": "Each act is signed by its author, with both algorithms and keys valid at that place",
    "sequence": "No act contradicts another, and each follows the one before it",
    "bodies": "What is shown of sealed texts is what the acts commit to",
    "events": "Each event stands in its batch, and each field shown was sealed in it",
    "complete": "All events of the batches are shown",
    "finding": "What the finding names was sealed before it, and so was what is shown as its context",
    "replies": "The answers of other members are about this finding",
    "time": "The acts are dated by others than their authors",
    "timestamps": "Tokens of time-stamping services (RFC 3161)",
    "fork": "Two signed statements exclude each other",
}

NOT_PROVEN = ("source-truth", "before-sealing", "parsed-fields", "rule-matches", "revocations")

SAID = {
    # Details of steps
    "files": "{count} files; the pack written again is the same {bytes} bytes",
    "pinned": "{genesis}",
    "not-pinned": "no digest was given; this charter has {genesis}",
    "epochs": "{unit}: epoch {epoch}, {members} members",
    "policy-of": "for the log {origin}, by roster epoch {epoch}",
    "signed-states": "{count} states of {logs} logs",
    "included": "{count} acts; every leaf was hashed from its bytes",
    "signed-acts": "{count} acts of {actors}",
    "quorum": "cosigned by {names}",
    "no-quorum": "the state of {origin} at {size} is cosigned by {names}; missing: {missing}",
    "no-witnesses": "the policy of {origin} knows no witness but its owner",
    "in-sequence": "{count} acts, {links} of them directly after one another",
    "opened": "{count} sealed texts, {fields} fields shown, {hidden} hidden",
    "no-bodies": "no sealed text is shown",
    "events-shown": "{count} events, {fields} fields shown, {hidden} hidden",
    "no-events": "no event is shown",
    "all-shown": "all {count} events of {batches} batches",
    "not-all-shown": "{shown} of {count} events of {batches} batches",
    "no-batches": "no batch is shown",
    "names-events": "it names {named} events in {batches} batches: {shown} shown, and {context} as context",
    "answered": "rechecked by {rechecked}; dissented by {dissented}",
    "unanswered": "no answer of another member is in this pack",
    "dated": "the finding was in its log before {time}",
    "undated": "without a quorum of witnesses nobody but its author dates it",
    "tokens": "{count} tokens are there; this program does not check them",
    "no-tokens": "none is in the pack",
    "fork-heads": "{origin} signed two roots for one size {size}",
    "fork-entries": "{origin} shows two different entries at {index}",
    "fork-acts": "{actor} signed two different acts with one number {seq}",
    "fork-rosters": "{names} signed two different rosters as epoch {epoch}",
    "no-log": "a fork of the roster rests on no log",
    "not-reached": "not checked, because an earlier step failed",
    "failure": "{code}: {message}",
    # Proven
    "unit-known": "The unit is {unit}, the one whose genesis digest you gave.",
    "stated": "{actor} stated this finding: entry {index} of its log, and it is unchanged.",
    "sealed": "{actor} sealed batch {act}, of {count} events as it says, before it stated the finding.",
    "fields-sealed": "What is shown of {shown} events is what was sealed; {hidden} fields stay hidden.",
    "whole-batch": "Batch {act} has these {count} events and no other: none is withheld.",
    "same-for-all": "The log shows this to everybody: {names} of the sides {sides} cosigned it.",
    "existed": "Act {act} ({kind}) was in the log of {origin} before {time}.",
    "followed": "Act {act} ({kind}) was made after its author had seen {origin} at {size} entries.",
    "rechecked": "{actor} (side {side}) judged the same batches by the same rule and found the same.",
    "dissented": "{actor} (side {side}) judged the same batches and found something else.",
    "two-heads": "{origin} signed two roots for its log of {size} entries: its log is forked.",
    "two-entries": "{origin} signed states of its log with different entries at {index}: its log is forked.",
    "two-acts": "{actor} signed two different acts as its number {seq}.",
    "two-rosters": "{names} signed two different rosters as epoch {epoch}: the unit is forked.",
    # Not proven, always
    "source-truth": "That the source told the truth or sent everything.",
    "before-sealing": "That the owner did not look at the records, or filter them, before they were sealed.",
    "parsed-fields": "That the parsed fields equal the raw record.",
    "rule-matches": "That the rule matches: only `hisn evidence recheck --disclosed` runs it.",
    "revocations": "That no key was revoked after roster epoch {epoch} and these states: {heads}.",
    # Not proven here
    "genesis-unknown": "That this is the unit you mean: you gave no genesis digest. Its own is {genesis}.",
    "unwitnessed": "That everybody is shown the same: the quorum of witnesses is missing.",
    "other-events": "What the {count} events of batch {act} that are not shown say.",
    "other-named": "Whether {count} further events that the finding names say what it says.",
    "context": "That the {count} events shown as context belong to the finding: it does not name them.",
    "claimed-time": "That it was made at {time}, as its author claims.",
    "not-before": "That it was made shortly before it was witnessed: its author can have waited.",
    "no-bound": "That it was made after anything else: no state that it cites is in this pack.",
    "tokens-unchecked": "What {count} time-stamp tokens say: this program does not check them.",
    "whose-fault": "Which of the two statements is true, or why both were signed.",
}

RESULTS = {
    "VALID": "No step fails, and a quorum of witnesses saw it.",
    "VALID, UNWITNESSED": "No step fails, but no quorum of witnesses has seen it yet.",
    "INVALID": "Do not rely on this file. Keep it: it may be evidence of a forgery.",
    "FORK PROVEN": "The signer contradicted itself. Keep this file: it is the proof.",
}

FLAGS = {
    "ALLEGED": "no other member says in this pack that it rechecked the finding",
    "RECHECKED": "rechecked, with the same result, by {by}",
    "DISSENTED": "rechecked, with another result, by {by}",
    "OVERDUE": "its deadline had passed, and no answer is in this pack",
}
