package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	client "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

// serveWitness runs transparency-dev's witness, as its own command does without the database.
func serveWitness(args []string) {
	flags := flag.NewFlagSet("witness", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address")
	log := flags.String("log", "", "file with the verifier key of the log")
	keys := flags.String("keys", "", "files with private keys, separated by commas")
	must(flags.Parse(args), "flags")
	var signers []note.Signer
	for _, path := range strings.Split(*keys, ",") {
		signer, err := fnote.NewSignerForCosignatureV1(text(path))
		must(err, path)
		signers = append(signers, signer)
	}
	verifier, err := fnote.NewVerifier(text(*log))
	must(err, *log)
	served, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     signers,
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			return verifier, origin == verifier.Name(), nil
		},
	})
	must(err, "witness")
	listener, err := net.Listen("tcp", *listen)
	must(err, "listen")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(served).AddCheckpoint)
	fmt.Printf("http://%s\n", listener.Addr())
	must(http.Serve(listener, mux), "serve")
}

func text(path string) string {
	data, err := os.ReadFile(path)
	must(err, "read")
	return strings.TrimSpace(string(data))
}

// feed asks a witness as a log would, with transparency-dev's client: THEIRS also holds "witness.vkeys".
func feed(address, folder string) {
	var theirs Exchange
	readJSON(filepath.Join(folder, "exchange.json"), &theirs)
	keys := verifiersOf(strings.Fields(text(filepath.Join(folder, "witness.vkeys"))))
	root, err := url.Parse(address)
	must(err, address)
	asked := client.NewWitness(root, http.DefaultClient)
	ask := func(old uint64, stage Stage, path [][]byte) ([]byte, uint64, error) {
		return asked.Update(context.Background(), old, stage.Note, path)
	}
	last := uint64(0)
	for number, stage := range theirs.Checkpoints {
		if number > 1 {
			spoiled := slices.Clone(stage.FromLast)
			spoiled[0] = make([]byte, 32)
			_, _, err := ask(last, stage, spoiled)
			expect(errors.Is(err, witness.ErrInvalidProof), "a bad proof: %v", err)
			_, size, err := ask(last-1, stage, stage.FromLast)
			expect(errors.Is(err, witness.ErrCheckpointStale) && size == last, "an old size: %v, %d", err, size)
		}
		lines, _, err := ask(last, stage, stage.FromLast)
		must(err, "add-checkpoint")
		opened, err := note.Open(slices.Concat(stage.Note, lines), note.VerifierList(keys...))
		must(err, "the witness's answer")
		expect(len(opened.Sigs) == len(keys), "%d of %d cosignatures", len(opened.Sigs), len(keys))
		last = stage.Size
	}
	first := theirs.Checkpoints[0]
	_, _, err = ask(last+1, first, nil)
	expect(errors.Is(err, witness.ErrOldSizeInvalid), "an old size beyond the checkpoint: %v", err)
	stranger := Stage{Note: sign("stranger.example/log", strings.Replace(bodyOf(first.Note), theirs.Origin, "stranger.example/log", 1))}
	_, _, err = ask(0, stranger, nil)
	expect(errors.Is(err, witness.ErrUnknownLog), "an unknown log: %v", err)
	forged := Stage{Note: sign(theirs.Origin, bodyOf(first.Note))}
	_, _, err = ask(last, forged, nil)
	expect(errors.Is(err, witness.ErrNoValidSignature), "a forged checkpoint: %v", err)
	done("transparency-dev's client moved our witness over %d checkpoints", len(theirs.Checkpoints))
}

func bodyOf(data []byte) string {
	body, _, _ := strings.Cut(string(data), "\n\n")
	return body + "\n"
}

// sign signs a text under a name with a key that nobody knows.
func sign(name, text string) []byte {
	private, _, err := note.GenerateKey(nil, name)
	must(err, "key")
	signer, err := note.NewSigner(private)
	must(err, "key")
	data, err := note.Sign(&note.Note{Text: text}, signer)
	must(err, "sign")
	return data
}
