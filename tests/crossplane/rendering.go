// Command rendering reads a JSON list of XRDs and writes the CRDs that Crossplane renders for each: the oracle of
// tests/crossplane/test_generating.py (see xrd_cases.py).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	v1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xcrd"
)

func main() {
	data, _ := io.ReadAll(os.Stdin)
	var xrds []*v1.CompositeResourceDefinition
	if err := json.Unmarshal(data, &xrds); err != nil {
		panic(err)
	}
	var out []any
	for _, x := range xrds {
		entry := map[string]any{}
		c, err := xcrd.ForCompositeResource(x.DeepCopy())
		if err != nil {
			entry["compositeError"] = err.Error()
		} else {
			entry["composite"] = c
		}
		if x.Spec.ClaimNames != nil {
			c, err := xcrd.ForCompositeResourceClaim(x.DeepCopy())
			if err != nil {
				entry["claimError"] = err.Error()
			} else {
				entry["claim"] = c
			}
		}
		out = append(out, entry)
	}
	b, _ := json.Marshal(out)
	fmt.Println(string(b))
}
