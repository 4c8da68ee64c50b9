package main

import (
	"encoding/hex"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	flog "github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	fwitness "github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
)

// vectorCase is one case of our published files; what is not UTF-8 stands in the fields with Hex.
type vectorCase struct {
	Comment       string `json:"comment"`
	Result        string `json:"result"`
	Checkpoint    string `json:"checkpoint"`
	CheckpointHex string `json:"checkpoint_hex"`
	Key           int    `json:"key"`
	Text          string `json:"text"`
	Line          string `json:"line"`
	Time          string `json:"time"`
	Origin        string `json:"origin"`
	Start         uint64 `json:"start"`
	End           uint64 `json:"end"`
	Hash          string `json:"hash"`
	Entry         string `json:"entry"`
	EntryHex      string `json:"entry_hex"`
	Proof         string `json:"proof"`
	ProofHex      string `json:"proof_hex"`
}

type vectorFile struct {
	Keys     []string     `json:"keys"`
	Policy   string       `json:"policy"`
	Cases    []vectorCase `json:"cases"`
	Subtrees []vectorCase `json:"subtrees"`
}

// forgiven lists, in order, bad texts that the Go modules accept, and why.
var forgiven = []string{
	"checkpoint: a good and a bad line of one key",                    // note drops repeated lines unseen
	"checkpoint: an empty line among the extensions, properly signed", // formats returns the rest as it is
	"checkpoint: root with spare bits, properly signed",               // formats decodes base64 loosely
	"checkpoint: size beyond 63 bits, properly signed",                // formats reads 64 bits
	"checkpoint: size with a leading zero, properly signed",           // formats reads numbers loosely
	"proof: a witness that states no time",                            // the specification leaves it open
	"proof: an empty extra line",                                      // formats takes it for no data
	"subtree: a time, which sign-subtree never gives",                 // formats looks at the start alone
}

func bytesOf(text, hexed string) []byte {
	if hexed == "" {
		return []byte(text)
	}
	data, err := hex.DecodeString(hexed)
	must(err, "hexadecimal")
	return data
}

func vectors(folder string) {
	var checkpoints, cosignatures, proofs vectorFile
	readJSON(filepath.Join(folder, "checkpoints.json"), &checkpoints)
	readJSON(filepath.Join(folder, "cosignatures.json"), &cosignatures)
	readJSON(filepath.Join(folder, "proofs.json"), &proofs)
	var loose []string
	for _, each := range checkpoints.Cases {
		found := judgeCheckpoint(each, checkpoints.Keys)
		loose = compare(loose, "checkpoint", each, found)
	}
	for _, each := range cosignatures.Cases {
		loose = compare(loose, "cosignature", each, judgeCosignature(each, cosignatures.Keys))
	}
	for _, each := range cosignatures.Subtrees {
		loose = compare(loose, "subtree", each, judgeSubtree(each, cosignatures.Keys[1]))
	}
	for _, each := range proofs.Cases {
		loose = compare(loose, "proof", each, judgeProof(each, proofs))
	}
	slices.Sort(loose)
	expect(slices.Equal(loose, forgiven), "accepted though it must be refused: %q", loose)
	done("our vectors: %d checkpoints, %d cosignatures, %d subtrees, %d proofs; %d bad texts are forgiven",
		len(checkpoints.Cases), len(cosignatures.Cases), len(cosignatures.Subtrees), len(proofs.Cases), len(loose))
}

func compare(loose []string, kind string, each vectorCase, found string) []string {
	if found == each.Result {
		return loose
	}
	name := kind + ": " + each.Comment
	expect(each.Result != "valid" && each.Result != "both", "%s: %s, but must be %s", name, found, each.Result)
	return append(loose, name)
}

func judgeCheckpoint(each vectorCase, keys []string) string {
	opened, err := note.Open(bytesOf(each.Checkpoint, each.CheckpointHex), note.VerifierList(verifiersOf(keys)...))
	if err != nil {
		return "refused"
	}
	var checkpoint flog.Checkpoint
	rest, err := checkpoint.Unmarshal([]byte(opened.Text))
	switch {
	case err != nil || len(checkpoint.Hash) != 32:
		return "refused"
	case len(opened.Sigs) == 2:
		return "both"
	case len(rest) > 0 && opened.Sigs[0].Hash == verifiersOf(keys)[1].KeyHash():
		return "refused"
	}
	return "one"
}

func judgeCosignature(each vectorCase, keys []string) string {
	verifier, err := fnote.NewVerifierForCosignatureV1(keys[each.Key])
	must(err, "key")
	opened, err := note.Open([]byte(each.Text+"\n"+each.Line), note.VerifierList(verifier))
	if err != nil {
		return "refused"
	}
	time, err := fnote.CoSigV1Timestamp(opened.Sigs[0])
	must(err, each.Comment)
	if each.Time != "" {
		expect(strconv.FormatInt(time.Unix(), 10) == each.Time, "%s: time %v", each.Comment, time)
	}
	return "valid"
}

func judgeSubtree(each vectorCase, key string) string {
	verifier, err := fnote.NewMLDSAVerifier(key)
	must(err, "key")
	opened, err := note.Open([]byte("any\n\n"+each.Line), note.VerifierList(accepting{verifier}))
	must(err, each.Comment)
	root, err := hex.DecodeString(each.Hash)
	must(err, each.Comment)
	signature := fields(opened.Sigs[0])
	if !verifier.VerifySubtree(0, each.Origin, each.Start, each.End, root, signature) {
		return "refused"
	}
	return "valid"
}

// accepting lets the parser of notes cut a line into its parts without a judgement.
type accepting struct{ note.Verifier }

func (accepting) Verify(_, _ []byte) bool { return true }

func judgeProof(each vectorCase, file vectorFile) string {
	origin, _, _ := strings.Cut(file.Keys[0], "+")
	checkpoint, err := logged(
		bytesOf(each.Proof, each.ProofHex), bytesOf(each.Entry, each.EntryHex), origin, verifiersOf(file.Keys))
	if err != nil || anyWitnessFails(file.Policy, checkpoint) {
		return "refused"
	}
	policy, err := fwitness.ParsePolicy(withAddresses(file.Policy))
	must(err, "policy")
	if !policy.Satisfied(checkpoint) {
		return "unwitnessed"
	}
	return "valid"
}

// withAddresses gives each witness the address without which formats takes no policy.
func withAddresses(policy string) []byte {
	var lines []string
	for _, line := range strings.Split(policy, "\n") {
		if strings.HasPrefix(line, "witness ") {
			line += " https://witness.example/"
		}
		lines = append(lines, line)
	}
	return []byte(strings.Join(lines, "\n"))
}

// anyWitnessFails tells whether a line of a known witness does not verify: then nothing counts.
func anyWitnessFails(policy string, checkpoint []byte) bool {
	for _, line := range strings.Split(policy, "\n") {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "witness" {
			verifier, err := fnote.NewVerifierForCosignatureV1(words[2])
			must(err, "key")
			_, err = note.Open(checkpoint, note.VerifierList(verifier))
			if _, failed := err.(*note.InvalidSignatureError); failed {
				return true
			}
		}
	}
	return false
}

// fields returns the bytes of a signature behind its key id.
func fields(signature note.Signature) []byte {
	blob, err := decodeBase64(signature.Base64)
	must(err, "signature")
	return blob[4:]
}
