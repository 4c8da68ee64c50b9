package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	flog "github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	fproof "github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const theirOrigin = "go.example/log"

// theirSizes are where trees are interesting: around full tiles, and the rest of a second level.
var theirSizes = []int64{1, 2, 7, 255, 256, 257, 700}

func decodeBase64(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

// store keeps the hashes of a log as Go's tlog package numbers them.
type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, s[index])
	}
	return found, nil
}

func record(number int64) []byte {
	if number == 5 {
		return nil
	}
	return fmt.Appendf(nil, "record %d of a log that Go made", number)
}

// party is one who signs: a name with keys of both kinds.
type party struct {
	keys    []string
	signers []note.Signer
}

func newLog() party {
	plainKey, plainPublic, err := note.GenerateKey(nil, theirOrigin)
	must(err, "key")
	plain, err := note.NewSigner(plainKey)
	must(err, "key")
	quantumKey, quantumPublic, err := fnote.GenerateMLDSAKey(theirOrigin)
	must(err, "key")
	quantum, err := fnote.NewSignerForCosignatureV1(quantumKey)
	must(err, "key")
	return party{[]string{plainPublic, quantumPublic}, []note.Signer{plain, quantum}}
}

func newWitness(name string) party {
	plainKey, plainPublic, err := note.GenerateKey(nil, name)
	must(err, "key")
	plain, err := fnote.NewSignerForCosignatureV1(plainKey)
	must(err, "key")
	stamped, err := fnote.VKeyToCosignatureV1(plainPublic)
	must(err, "key")
	quantumKey, quantumPublic, err := fnote.GenerateMLDSAKey(name)
	must(err, "key")
	quantum, err := fnote.NewMLDSASigner(quantumKey)
	must(err, "key")
	return party{[]string{stamped, quantumPublic}, []note.Signer{plain, quantum}}
}

func makeTheirs(folder string) {
	log, witnesses := newLog(), []party{newWitness("go.example/w0"), newWitness("go.example/w1")}
	theirs := Exchange{Origin: theirOrigin, LogKeys: log.keys, Notes: makeNotes()}
	for _, each := range witnesses {
		theirs.WitnessKeys = append(theirs.WitnessKeys, each.keys)
	}
	var hashes store
	last := int64(0)
	for _, size := range theirSizes {
		for number := last; number < size; number++ {
			more, err := tlog.StoredHashes(number, record(number), hashes)
			must(err, "hash")
			hashes = append(hashes, more...)
		}
		writeTiles(filepath.Join(folder, "log"), hashes, last, size)
		theirs.Checkpoints = append(theirs.Checkpoints, makeStage(hashes, last, size, log, witnesses))
		last = size
	}
	makeMerkle(&theirs, hashes)
	makeSubtrees(&theirs, hashes, witnesses[0])
	makeProofs(&theirs, hashes)
	writeJSON(filepath.Join(folder, "exchange.json"), theirs)
	done("a log of %d entries with %d checkpoints is written", last, len(theirs.Checkpoints))
}

func makeNotes() []Note {
	var notes []Note
	for name, text := range map[string]string{
		"go.example/plain":  "one line\n",
		"go.example/ключ":   "\n\nempty lines\n\n— go.example/ключ AAAAAAAA\n\n",
		"go.example/مفتاح":  "a\u2028b\u0085c\u007f\n",
		"\U0001f511\u200bx": "ends with an empty line\n\n",
	} {
		private, public, err := note.GenerateKey(nil, name)
		must(err, "key")
		signer, err := note.NewSigner(private)
		must(err, "key")
		data, err := note.Sign(&note.Note{Text: text}, signer)
		must(err, "sign")
		notes = append(notes, Note{Key: public, Note: data, Text: []byte(text)})
	}
	return notes
}

func rootAt(hashes store, size int64) []byte {
	root, err := tlog.TreeHash(size, hashes)
	must(err, "root")
	return root[:]
}

func makeStage(hashes store, last, size int64, log party, witnesses []party) Stage {
	root := rootAt(hashes, size)
	text := flog.Checkpoint{Origin: theirOrigin, Size: uint64(size), Hash: root}.Marshal()
	signers := slices.Clone(log.signers)
	var who []int
	for number, each := range witnesses {
		if (size+int64(number))%3 != 0 {
			signers = append(signers, each.signers...)
			who = append(who, number)
		}
	}
	data, err := note.Sign(&note.Note{Text: string(text)}, signers...)
	must(err, "sign")
	stage := Stage{Size: uint64(size), Root: root, Note: data, Witnesses: who}
	if last > 0 {
		path, err := tlog.ProveTree(size, last, hashes)
		must(err, "prove")
		stage.FromLast = plainHashes(path)
	}
	return stage
}

func plainHashes(path []tlog.Hash) [][]byte {
	var found [][]byte
	for _, hash := range path {
		found = append(found, slices.Clone(hash[:]))
	}
	return found
}

func writeTiles(folder string, hashes store, last, size int64) {
	for _, tile := range tlog.NewTiles(8, last, size) {
		data, err := tlog.ReadTileData(tile, hashes)
		must(err, "tile")
		writeFile(filepath.Join(folder, c2spPath(tile)), data)
		if tile.L == 0 {
			var bundle []byte
			for number := tile.N * 256; number < tile.N*256+int64(tile.W); number++ {
				entry := record(number)
				bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
				bundle = append(bundle, entry...)
			}
			writeFile(filepath.Join(folder, bundlePath(tile)), bundle)
		}
	}
}

func makeMerkle(theirs *Exchange, hashes store) {
	for _, size := range theirSizes {
		for index := int64(0); index < size; index += 1 + size/9 {
			path, err := tlog.ProveRecord(size, index, hashes)
			must(err, "prove")
			leaf := tlog.RecordHash(record(index))
			theirs.Inclusions = append(theirs.Inclusions, Inclusion{
				uint64(index), uint64(size), leaf[:], rootAt(hashes, size), plainHashes(path), true})
		}
		for _, old := range theirSizes {
			if old <= size {
				path, err := tlog.ProveTree(size, old, hashes)
				must(err, "prove")
				theirs.Consistency = append(theirs.Consistency, Consistency{
					uint64(old), uint64(size), rootAt(hashes, old), rootAt(hashes, size), plainHashes(path), true})
			}
		}
	}
}

// makeSubtrees signs leaves 4 to 8, a complete subtree, and the first 8 under a wrong root.
func makeSubtrees(theirs *Exchange, hashes store, witness party) {
	root := hashes[tlog.StoredHashIndex(2, 1)]
	signer := witness.signers[1].(fnote.SubtreeSigner)
	signature, err := signer.SignSubtree(0, theirOrigin, 4, 8, root[:])
	must(err, "sign")
	stamped, err := signer.SignSubtree(uint64(time.Now().Unix()), theirOrigin, 0, 8, root[:])
	must(err, "sign")
	theirs.Subtrees = []Subtree{
		{0, 4, 8, slices.Clone(root[:]), signature, true},
		{0, 4, 9, slices.Clone(root[:]), signature, false},
		{1, 4, 8, slices.Clone(root[:]), signature, false},
		{0, 0, 8, slices.Clone(root[:]), stamped, false},
	}
}

func makeProofs(theirs *Exchange, hashes store) {
	for _, stage := range theirs.Checkpoints {
		index := int64(stage.Size / 2)
		path, err := tlog.ProveRecord(int64(stage.Size), index, hashes)
		must(err, "prove")
		proof := fproof.TLogProof{Index: uint64(index), Checkpoint: stage.Note}
		for _, hash := range path {
			proof.Hashes = append(proof.Hashes, hash)
		}
		if index%2 == 1 {
			proof.ExtraData = []byte("extra")
		}
		theirs.Proofs = append(theirs.Proofs,
			Proof{record(index), proof.Marshal(), uint64(index), true},
			Proof{record(index + 1), proof.Marshal(), uint64(index), false})
	}
	var lines []string
	for number, keys := range theirs.WitnessKeys {
		for kind, key := range keys {
			lines = append(lines, fmt.Sprintf("witness w%d.%d %s https://w%d.example/", number, kind, key, number))
		}
		lines = append(lines, fmt.Sprintf("group w%d all w%d.0 w%d.1", number, number, number))
	}
	policy := strings.Join(append(lines, "group both 2 w0 w1", "quorum both", ""), "\n")
	for _, stage := range theirs.Checkpoints {
		theirs.Policies = append(theirs.Policies, Policy{[]byte(policy), stage.Note, len(stage.Witnesses) == 2})
	}
}
