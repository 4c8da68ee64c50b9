package main

// These are the files that both sides write; bytes are base64, as Go's JSON has them.

// Exchange is what one side hands to the other, beside a folder "log" with tiles and entry bundles.
type Exchange struct {
	Origin      string        `json:"origin"`
	LogKeys     []string      `json:"log_keys"`     // 0x01, 0x06
	WitnessKeys [][]string    `json:"witness_keys"` // of each witness 0x04, 0x06
	Notes       []Note        `json:"notes"`
	Checkpoints []Stage       `json:"checkpoints"`
	Inclusions  []Inclusion   `json:"inclusions"`
	Consistency []Consistency `json:"consistency"`
	Subtrees    []Subtree     `json:"subtrees"`
	Proofs      []Proof       `json:"proofs"`
	Policies    []Policy      `json:"policies"`
}

// Note is a signed note of any text.
type Note struct {
	Key  string `json:"key"`
	Note []byte `json:"note"`
	Text []byte `json:"text"`
}

// Stage is a checkpoint of the log at one size, with the cosignatures of some witnesses.
type Stage struct {
	Size      uint64   `json:"size"`
	Root      []byte   `json:"root"`
	Note      []byte   `json:"note"`
	Witnesses []int    `json:"witnesses"`
	FromLast  [][]byte `json:"from_last"` // proof of consistency with the stage before
}

// Inclusion is a proof that a leaf is in a tree.
type Inclusion struct {
	Index uint64   `json:"index"`
	Size  uint64   `json:"size"`
	Leaf  []byte   `json:"leaf"`
	Root  []byte   `json:"root"`
	Path  [][]byte `json:"path"`
	Good  bool     `json:"good"`
}

// Consistency is a proof that one tree begins with another.
type Consistency struct {
	Old     uint64   `json:"old"`
	New     uint64   `json:"new"`
	OldRoot []byte   `json:"old_root"`
	NewRoot []byte   `json:"new_root"`
	Path    [][]byte `json:"path"`
	Good    bool     `json:"good"`
}

// Subtree is a cosigned run of leaves.
type Subtree struct {
	Witness   int    `json:"witness"`
	Start     uint64 `json:"start"`
	End       uint64 `json:"end"`
	Root      []byte `json:"root"`
	Signature []byte `json:"signature"` // without name and id
	Good      bool   `json:"good"`
}

// Proof is a proof of logging of an entry.
type Proof struct {
	Entry []byte `json:"entry"`
	Proof []byte `json:"proof"`
	Index uint64 `json:"index"`
	Good  bool   `json:"good"`
}

// Policy decides about a checkpoint.
type Policy struct {
	Policy     []byte `json:"policy"`
	Checkpoint []byte `json:"checkpoint"`
	Reached    bool   `json:"reached"`
}
