// Command constraining reads a JSON list of pairs of a constraint and a version, and writes what Crossplane's library
// says of each: the oracle of tests/crossplane/test_versions.py (see constraint_cases.py).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/Masterminds/semver/v3"
)

func main() {
	data, _ := io.ReadAll(os.Stdin)
	var cases [][2]string
	if err := json.Unmarshal(data, &cases); err != nil {
		panic(err)
	}
	out := []any{}
	for _, each := range cases {
		c, err := semver.NewConstraint(each[0])
		if err != nil {
			out = append(out, "improper constraint")
			continue
		}
		v, err := semver.NewVersion(each[1])
		if err != nil {
			out = append(out, "no version")
			continue
		}
		out = append(out, c.Check(v))
	}
	b, _ := json.Marshal(out)
	fmt.Println(string(b))
}
