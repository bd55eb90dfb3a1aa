// Command matching reads a JSON list of pairs of a pattern and a name, and writes whether Go's filepath.Match takes each,
// as Crossplane's activation policies do: the oracle of tests/crossplane/test_activation.py (see pattern_cases.py).
package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
)

func main() {
	data, _ := io.ReadAll(os.Stdin)
	var cases [][2]string
	if err := json.Unmarshal(data, &cases); err != nil {
		panic(err)
	}
	out := []bool{}
	for _, each := range cases {
		match, _ := filepath.Match(each[0], each[1])
		out = append(out, match)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		panic(err)
	}
}
