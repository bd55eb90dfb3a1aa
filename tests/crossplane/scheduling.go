// Command scheduling reads a JSON list of pairs of a schedule and a time, and writes when the schedule is due next by
// the parser that Crossplane uses: the oracle of tests/crossplane/test_crontab.py (see schedule_cases.py).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/robfig/cron/v3"
)

func main() {
	data, _ := io.ReadAll(os.Stdin)
	var cases [][2]string
	if err := json.Unmarshal(data, &cases); err != nil {
		panic(err)
	}
	out := []string{}
	for _, each := range cases {
		found, err := cron.ParseStandard(each[0])
		if err != nil {
			out = append(out, "no schedule")
			continue
		}
		after, err := time.Parse(time.RFC3339, each[1])
		if err != nil {
			panic(err)
		}
		next := found.Next(after)
		if next.IsZero() {
			out = append(out, "never")
			continue
		}
		out = append(out, next.UTC().Format(time.RFC3339))
	}
	b, _ := json.Marshal(out)
	fmt.Println(string(b))
}
