// Command interop lets programs that we did not write meet ours: Go's note and tlog packages, and
// transparency-dev's formats, merkle and witness modules.
//
//	interop check OURS       verify what interop/ours.py has written
//	interop vectors FOLDER   hold our published vectors to what they say
//	interop make THEIRS      write what ours must verify
//	interop witness FLAGS    serve transparency-dev's witness over HTTP
//	interop feed URL THEIRS  ask our witness with transparency-dev's client
//
// It prints one line for each group of checks and ends with status 1 at the first that fails.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) < 2 {
		fail("say what to do: check, vectors, make, witness or feed")
	}
	args := os.Args[2:]
	switch command := os.Args[1]; {
	case command == "check" && len(args) == 1:
		check(args[0])
	case command == "vectors" && len(args) == 1:
		vectors(args[0])
	case command == "make" && len(args) == 1:
		makeTheirs(args[0])
	case command == "witness":
		serveWitness(args)
	case command == "feed" && len(args) == 2:
		feed(args[0], args[1])
	default:
		fail("not understood: %v", os.Args[1:])
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "interop: "+format+"\n", args...)
	os.Exit(1)
}

// must ends the program if the error is one.
func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

// expect ends the program if what ought to be is not.
func expect(ok bool, format string, args ...any) {
	if !ok {
		fail(format, args...)
	}
}

func done(format string, args ...any) {
	fmt.Printf("ok  "+format+"\n", args...)
}

func readJSON(path string, into any) {
	data, err := os.ReadFile(path)
	must(err, "read")
	must(json.Unmarshal(data, into), path)
}

func writeJSON(path string, value any) {
	data, err := json.MarshalIndent(value, "", " ")
	must(err, path)
	writeFile(path, append(data, '\n'))
}

func writeFile(path string, data []byte) {
	must(os.MkdirAll(filepath.Dir(path), 0o755), "make a folder")
	must(os.WriteFile(path, data, 0o644), "write")
}
