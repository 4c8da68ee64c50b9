package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	flog "github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	fproof "github.com/transparency-dev/formats/proof"
	fwitness "github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(folder string) {
	var ours Exchange
	readJSON(filepath.Join(folder, "exchange.json"), &ours)
	checkNotes(ours.Notes)
	for _, stage := range ours.Checkpoints {
		checkStage(ours, stage)
	}
	done("%d checkpoints, signed and cosigned with Ed25519 and ML-DSA-44", len(ours.Checkpoints))
	checkMerkle(ours)
	checkSubtrees(ours)
	for _, each := range ours.Proofs {
		_, err := logged(each.Proof, each.Entry, ours.Origin, verifiersOf(ours.LogKeys))
		expect((err == nil) == each.Good, "proof of entry %d: good is %v, but %v", each.Index, each.Good, err)
	}
	done("%d proofs of logging", len(ours.Proofs))
	for _, each := range ours.Policies {
		policy, err := fwitness.ParsePolicy(each.Policy)
		must(err, "policy")
		expect(policy.Satisfied(each.Checkpoint) == each.Reached, "a policy is not reached as it says: %v", each.Reached)
	}
	done("%d policies", len(ours.Policies))
	checkTiles(ours, filepath.Join(folder, "log"))
}

func checkNotes(notes []Note) {
	for _, each := range notes {
		verifier, err := note.NewVerifier(each.Key)
		must(err, each.Key)
		opened, err := note.Open(each.Note, note.VerifierList(verifier))
		must(err, each.Key)
		expect(opened.Text == string(each.Text) && len(opened.Sigs) == 1, "%s: another text", each.Key)
	}
	done("%d notes", len(notes))
}

func verifiersOf(keys []string) []note.Verifier {
	var found []note.Verifier
	for _, key := range keys {
		verifier, err := fnote.NewVerifier(key)
		must(err, key[:20])
		found = append(found, verifier)
	}
	return found
}

func checkStage(ours Exchange, stage Stage) {
	all := verifiersOf(ours.LogKeys)
	for _, number := range stage.Witnesses {
		all = append(all, verifiersOf(ours.WitnessKeys[number])...)
	}
	for number := range ours.LogKeys {
		others := slices.Delete(slices.Clone(all), number, number+1)
		checkpoint, rest, opened, err := flog.ParseCheckpoint(stage.Note, ours.Origin, all[number], others...)
		must(err, "checkpoint")
		same := checkpoint.Size == stage.Size && bytes.Equal(checkpoint.Hash, stage.Root) && len(rest) == 0
		expect(same, "a checkpoint of size %d reads as %d", stage.Size, checkpoint.Size)
		expect(len(opened.Sigs) == len(all), "%d of %d signatures verify", len(opened.Sigs), len(all))
	}
	// Go's own package knows the first kind of key only, and must ignore all other lines.
	plain, err := note.NewVerifier(ours.LogKeys[0])
	must(err, "key")
	opened, err := note.Open(stage.Note, note.VerifierList(plain))
	must(err, "checkpoint")
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.SplitN(opened.Text, "\n", 2)[1]))
	must(err, "tree")
	expect(uint64(tree.N) == stage.Size && bytes.Equal(tree.Hash[:], stage.Root), "another tree")
}

func checkMerkle(ours Exchange) {
	for _, each := range ours.Inclusions {
		err := proof.VerifyInclusion(rfc6962.DefaultHasher, each.Index, each.Size, each.Leaf, each.Path, each.Root)
		expect((err == nil) == each.Good, "inclusion of %d in %d: %v", each.Index, each.Size, err)
		err = tlog.CheckRecord(hashes(each.Path), int64(each.Size), tlog.Hash(each.Root), int64(each.Index), tlog.Hash(each.Leaf))
		expect((err == nil) == each.Good, "tlog: inclusion of %d in %d: %v", each.Index, each.Size, err)
	}
	for _, each := range ours.Consistency {
		err := proof.VerifyConsistency(rfc6962.DefaultHasher, each.Old, each.New, each.Path, each.OldRoot, each.NewRoot)
		expect((err == nil) == each.Good, "consistency of %d and %d: %v", each.Old, each.New, err)
		err = tlog.CheckTree(hashes(each.Path), int64(each.New), tlog.Hash(each.NewRoot), int64(each.Old), tlog.Hash(each.OldRoot))
		expect((err == nil) == each.Good, "tlog: consistency of %d and %d: %v", each.Old, each.New, err)
	}
	done("%d proofs of inclusion, %d of consistency", len(ours.Inclusions), len(ours.Consistency))
}

func hashes(path [][]byte) []tlog.Hash {
	var found []tlog.Hash
	for _, each := range path {
		found = append(found, tlog.Hash(each))
	}
	return found
}

func checkSubtrees(ours Exchange) {
	for _, each := range ours.Subtrees {
		verifier, err := fnote.NewMLDSAVerifier(ours.WitnessKeys[each.Witness][1])
		must(err, "key")
		good := verifier.VerifySubtree(0, ours.Origin, each.Start, each.End, each.Root, each.Signature)
		expect(good == each.Good, "subtree %d to %d: %v", each.Start, each.End, good)
	}
	done("%d subtrees", len(ours.Subtrees))
}

// logged verifies a proof of logging up to the log's own signatures, of which all must be there.
func logged(data, entry []byte, origin string, keys []note.Verifier) ([]byte, error) {
	var parsed fproof.TLogProof
	if err := parsed.Unmarshal(data); err != nil {
		return nil, err
	}
	if !bytes.Equal(parsed.Marshal(), data) {
		return nil, errors.New("the proof is spelt in another way than formats does")
	}
	checkpoint, _, opened, err := flog.ParseCheckpoint(parsed.Checkpoint, origin, keys[0], keys[1:]...)
	if err != nil {
		return nil, err
	}
	if len(opened.Sigs) != len(keys) {
		return nil, fmt.Errorf("%d of the log's %d keys have signed", len(opened.Sigs), len(keys))
	}
	var path [][]byte
	for _, hash := range parsed.Hashes {
		path = append(path, hash[:])
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	return parsed.Checkpoint, proof.VerifyInclusion(
		rfc6962.DefaultHasher, parsed.Index, checkpoint.Size, leaf, path, checkpoint.Hash)
}

// tiles reads C2SP tiles for Go's tlog package, whose own paths name the height, too.
type tiles struct{ folder string }

func (t tiles) Height() int                     { return 8 }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, c2spPath(tile)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func c2spPath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

func bundlePath(tile tlog.Tile) string {
	tile.L = 0
	return strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
}

func checkTiles(ours Exchange, folder string) {
	last := ours.Checkpoints[len(ours.Checkpoints)-1]
	size := int64(last.Size)
	published, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	must(err, "published checkpoint")
	_, _, _, err = flog.ParseCheckpoint(published, ours.Origin, verifiersOf(ours.LogKeys)[0])
	must(err, "published checkpoint")
	tree := tlog.Tree{N: size, Hash: tlog.Hash(last.Root)}
	reader := tlog.TileHashReader(tree, tiles{folder})
	entries := readEntries(folder, size)
	for number, entry := range entries {
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(number))})
		must(err, "read a leaf hash")
		expect(leaf[0] == tlog.RecordHash(entry), "entry %d is not the one of its tile", number)
	}
	for number := int64(0); number < size; number += 37 {
		path, err := tlog.ProveRecord(size, number, reader)
		must(err, "prove")
		must(tlog.CheckRecord(path, size, tree.Hash, number, tlog.RecordHash(entries[number])), "check")
	}
	for _, stage := range ours.Checkpoints[:len(ours.Checkpoints)-1] {
		path, err := tlog.ProveTree(size, int64(stage.Size), reader)
		must(err, "prove")
		must(tlog.CheckTree(path, size, tree.Hash, int64(stage.Size), tlog.Hash(stage.Root)), "check")
	}
	done("tiles of %d entries, every hash and entry", size)
}

func readEntries(folder string, size int64) [][]byte {
	var entries [][]byte
	for start := int64(0); start < size; start += 256 {
		tile := tlog.Tile{H: 8, N: start / 256, W: int(min(size-start, 256))}
		data, err := os.ReadFile(filepath.Join(folder, bundlePath(tile)))
		must(err, "read entries")
		for range tile.W {
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		expect(len(data) == 0, "%d bytes too many in a bundle", len(data))
	}
	expect(len(entries) == int(size), "%d entries", len(entries))
	return entries
}
